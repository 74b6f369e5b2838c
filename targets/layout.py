# SPDX-License-Identifier: GPL-2.0-only
"""The names, logical units and secrets of every target that a run sets up."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from targets.model import Chap, Credentials, Identity, LogicalUnit, Target

LUN_SIZE = 64 << 20
# They have 16 bytes: above the 96 bits of RFC 7143 section 9.2.1, and within the 12 to
# 16 that istgt and the Microsoft initiator require.
INITIATOR = Credentials("assay-initiator", b"first-way-secret")
TARGET = Credentials("assay-target", b"other-way-secret")
CHAP = Chap(INITIATOR, TARGET)

_OWNER = "iqn.2001-04.com.example:assay.owner"
# Both secrets are shorter than 16 bytes, and one name is the initiator's own, so
# targets that require either of these accept the credentials.
IDENTITIES = (
    Identity(Credentials("assay-other", b"second-secret")),
    Identity(Credentials(_OWNER, b"owners-secret"), _OWNER),
)


def target_name(kind: str, part: str) -> str:
    """Return the iSCSI name of a target that a run sets up; com.example is reserved."""
    return f"iqn.2001-04.com.example:assay.{kind}.{part}"


def targets(
    kind: str,
    units: tuple[LogicalUnit, ...],
    others: tuple[LogicalUnit, ...] | None = None,
) -> tuple[Target, ...]:
    """Return two open targets and one that requires CHAP.

    Args:
        kind: the kind of target, a part of the names.
        units: the logical units of the first target name.
        others: those of the other names; None for the first of units alone.
    """
    others = units[:1] if others is None else others
    return (
        Target(target_name(kind, "disk1"), units),
        Target(target_name(kind, "disk2"), others),
        Target(target_name(kind, "chap"), others, CHAP),
    )


def high(kind: str) -> Target:
    """Return an open target without LUN 0."""
    unit = LogicalUnit(5, LUN_SIZE, scratch=True, persistent=True)
    return Target(target_name(kind, "high"), (unit,), lacks_lun_0=True)


def one_way(
    kind: str, units: tuple[LogicalUnit, ...], identities: Iterable[Identity]
) -> Target:
    """Return a target that requires CHAP without authenticating itself.

    Args:
        kind: the kind of target, a part of the name.
        units: its logical units.
        identities: further CHAP names, if the kind supports them.
    """
    name = target_name(kind, "one-way")
    return Target(name, units, Chap(INITIATOR), tuple(identities))


def backing_path(directory: Path, target: Target, unit: LogicalUnit) -> Path:
    """Return the path of the file behind a logical unit."""
    return directory / f"{target.name.rpartition('.')[2]}-{unit.lun}.img"


def make_backing_files(directory: Path, targets: Sequence[Target]) -> None:
    """Create a sparse file for each logical unit that stores its data in one."""
    for target in targets:
        for unit in target.logical_units:
            if unit.persistent and unit.size is not None:
                with backing_path(directory, target, unit).open("xb") as file:
                    file.truncate(unit.size)
