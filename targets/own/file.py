# SPDX-License-Identifier: GPL-2.0-only
"""The target file: a user's description of a target, as typed values.

docs/own-target.md describes every key. Nothing here accesses the target itself.
"""

import re
import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from iscsi import address
from iscsi.address import Portal
from iscsi.chap import Chap, Credentials
from iscsi.printable import line
from targets.errors import TargetSpecError
from targets.own.hooks import HooksTable

_SIZE = re.compile(r"([0-9]{1,18})([KMGT]?)")
_UNITS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}
_LUNS = 1 << 14  # flat space addressing, SAM-5 section 4.7.7.4
_LONGEST_NAME = 223  # bytes, RFC 7143 section 4.2.7.2
_TAGS = range(1 << 16)
_MOST_BYTES = 1 << 20
"""The maximum length of a target file."""


class _Table(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    repr_omit_defaults=True,
):
    """A table of the file."""


class PortalTable(_Table, frozen=True, kw_only=True):
    """A [[portal]]."""

    address: str
    """host:port; without a port the iSCSI one."""
    group: int = 1
    """The tag of its portal group."""
    known_as: str = ""
    """Its address as the target itself knows it, if addresses are translated."""

    def __post_init__(self) -> None:
        address.parse_portal(self.address)
        if self.known_as:
            address.parse_portal(self.known_as)
        if self.group not in _TAGS:
            raise ValueError(f"the group tag {self.group} has more than 16 bits")

    @property
    def portal(self) -> Portal:
        """Where it is reached."""
        parsed = address.parse_portal(self.address)
        return Portal(parsed.host, parsed.port, self.group)

    @property
    def is_translated(self) -> bool:
        """Whether the target knows it by another address."""
        internal = address.parse_portal(self.known_as or self.address)
        return internal != address.parse_portal(self.address)


class ChapTable(_Table, frozen=True, kw_only=True):
    """A [target.chap] or [discovery.chap]: names and secrets, both ways."""

    user: str
    secret: str
    mutual_user: str | None = None
    mutual_secret: str | None = None

    def __post_init__(self) -> None:
        if not self.user or not self.secret:
            raise ValueError("user and secret must not be empty")
        if (self.mutual_user is None) != (self.mutual_secret is None):
            raise ValueError("mutual_user and mutual_secret must be given together")

    def __repr__(self) -> str:
        return f"ChapTable(user={self.user!r}, mutual_user={self.mutual_user!r})"

    @property
    def chap(self) -> Chap:
        """Return the same as a provider's type."""
        mutual = None
        if self.mutual_user is not None and self.mutual_secret is not None:
            mutual = Credentials.of(self.mutual_user, self.mutual_secret)
        return Chap(Credentials.of(self.user, self.secret), mutual)


class IdentityTable(_Table, frozen=True, kw_only=True):
    """A [[target.identity]]: a further CHAP name of a target name."""

    user: str
    secret: str
    initiator: str | None = None
    """The only initiator name that may use it; any may by default."""

    def __repr__(self) -> str:
        return f"IdentityTable(user={self.user!r}, initiator={self.initiator!r})"


class UnitTable(_Table, frozen=True, kw_only=True):
    """A [[target.unit]]."""

    lun: int
    size: int | str | None = None
    """In bytes, or such as "64M" (powers of 1024)."""
    may_be_written: bool = False
    """Whether its data may be overwritten."""
    read_only: bool = False
    """Whether the target protects it against writes."""
    removable: bool = False
    thin: bool = False
    keeps_data: bool = True
    """Whether its data survives a restart of the target."""

    def __post_init__(self) -> None:
        if not 0 <= self.lun < _LUNS:
            raise ValueError(
                f"the LUN {self.lun} is not a number from 0 to {_LUNS - 1}"
            )
        _ = self.bytes

    @property
    def bytes(self) -> int | None:
        """Its size in bytes; None if only the target knows."""
        if self.size is None:
            return None
        match = _SIZE.fullmatch(str(self.size))
        if match is None or not int(match[1]):
            raise ValueError(
                f"the size {line(str(self.size))!r} is no number of bytes, "
                'nor one such as "64M"'
            )
        return int(match[1]) << _UNITS[match[2]]


class TargetTable(_Table, frozen=True, kw_only=True):
    """A [[target]]: a target name and its units."""

    name: str
    alias: str | None = None
    chap: ChapTable | None = None
    identity: tuple[IdentityTable, ...] = ()
    unit: tuple[UnitTable, ...] = ()
    no_lun_0: bool = False
    """Whether there is no unit of any kind at LUN 0; a file need not list units other
    than disks."""

    def __post_init__(self) -> None:
        check_name(self.name)
        luns = [unit.lun for unit in self.unit]
        if self.no_lun_0 and (0 in luns or not luns):
            raise ValueError("no_lun_0 needs a [[target.unit]], and none with LUN 0")
        for lun in luns:
            if luns.count(lun) > 1:
                raise ValueError(f"the LUN {lun} appears twice")
        if self.identity and self.chap is None:
            raise ValueError("an identity needs a [target.chap]")


class DiscoveryTable(_Table, frozen=True, kw_only=True):
    """The [discovery] table: the needs of Discovery sessions."""

    chap: ChapTable | None = None


class SpecialTable(_Table, frozen=True, kw_only=True):
    """The [special] table: target names that serve a check, without disks."""

    forbidden: str | None = None
    """A name that refuses every initiator name of the toolkit."""
    moved: str | None = None
    """A name that answers each login with Target Moved Temporarily."""
    moved_for_good: str | None = None
    guarded: str | None = None
    """A name that no initiator is authorized to reset."""
    pinging: str | None = None
    """A name that pings each connection unasked, at least every 20 s."""

    def __post_init__(self) -> None:
        for place in self.__struct_fields__:
            name = getattr(self, place)
            if name is not None:
                check_name(name)


class LimitsTable(_Table, frozen=True, kw_only=True):
    """The [limits] table, in seconds; the command line takes precedence."""

    answer: float | None = None
    """--peer-timeout."""
    check: float | None = None
    """--check-timeout."""
    wait: float | None = None
    """--wait-for-target."""

    def __post_init__(self) -> None:
        for seconds in (self.answer, self.check, self.wait):
            if seconds is not None and not 0 < seconds <= 86400:
                raise ValueError(f"{seconds:g} is not a number of seconds up to a day")


class TargetFile(_Table, frozen=True, kw_only=True):
    """The contents of a target file."""

    label: str
    """The name of the target in reports."""
    version: str | None = None
    deviations_of: str | None = None
    """The kind of target whose known deviations and habits apply."""
    deviations: str | None = None
    """A file of known deviations of its own; relative to this file."""
    own_kernel: bool = False
    """Whether it has a kernel of its own, so that a crash closes no connection."""
    sends_architecture: bool = False
    """Whether it sends X#NodeArchitecture unasked."""
    portal: tuple[PortalTable, ...]
    target: tuple[TargetTable, ...]
    discovery: DiscoveryTable = DiscoveryTable()
    special: SpecialTable = SpecialTable()
    limits: LimitsTable = LimitsTable()
    hooks: HooksTable = HooksTable()

    def __post_init__(self) -> None:
        if self.version is not None and self.hooks.version is not None:
            raise ValueError("version appears twice: at the top and in [hooks]")
        for text in (self.label, self.version):
            if text is not None and not (text.strip() and text.isprintable()):
                raise ValueError(
                    "label and version must be single lines of visible characters"
                )
        if not self.portal:
            raise ValueError("portal: give at least one")
        if not self.target:
            raise ValueError("target: give at least one")
        names = [one.name for one in self.target]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"target: the name {name} appears twice")

    @property
    def ordered(self) -> tuple[TargetTable, ...]:
        """The target names, those that ask for no CHAP first."""
        return tuple(sorted(self.target, key=lambda one: one.chap is not None))

    def secrets(self) -> Iterator[str]:
        """Return every secret in the file."""
        chaps = [*(one.chap for one in self.target), self.discovery.chap]
        for chap in chaps:
            if chap is not None:
                yield chap.secret
                yield chap.mutual_secret or ""
        for one in self.target:
            yield from (identity.secret for identity in one.identity)


def check_name(name: str) -> None:
    """Check that a text is a valid iSCSI name.

    Raises:
        ValueError: it is not valid.
    """
    if not name.lower().startswith(address.NAME_TYPES):
        types = ", ".join(address.NAME_TYPES)
        raise ValueError(f"the name {line(name)!r} must begin with one of {types}")
    if not name.isprintable() or " " in name:
        raise ValueError(f"the name {line(name)!r} has characters that are not allowed")
    if len(name.encode()) > _LONGEST_NAME:
        raise ValueError(f"the name {line(name)!r} has more than {_LONGEST_NAME} bytes")


def load(path: Path) -> TargetFile:
    """Read a target file.

    Raises:
        TargetSpecError: it cannot be read or parsed; one line without a secret names
            file and key.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise TargetSpecError(f"{path}: the file is too long for a target file")
        content = tomllib.loads(data.decode())
    except UnicodeDecodeError as error:
        raise TargetSpecError(f"{path}: the file is not UTF-8 text") from error
    except tomllib.TOMLDecodeError as error:
        raise TargetSpecError(
            f"{path}: the file is not TOML: {line(str(error))}"
        ) from error
    except OSError as error:
        raise TargetSpecError(f"{path}: {error.strerror}") from error
    try:
        return msgspec.convert(content, TargetFile)
    except msgspec.ValidationError as error:
        raise TargetSpecError(f"{path}: {_words(str(error))}") from error


def is_open_to_others(path: Path) -> bool:
    """Tell whether other users may read a file."""
    return bool(path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))


_AT = " - at `$"
"""What msgspec prints before the path of a wrong value."""


def _words(error: str) -> str:
    """Return msgspec's message with the key first; entries count from 1."""
    message, _, path = error.partition(_AT)
    reason, place = line(message), path.removeprefix(".").removesuffix("`")
    counted = re.sub(r"\[(\d+)\]", lambda one: f" {int(one[1]) + 1}", place)
    return f"{counted}: {reason}" if counted else reason
