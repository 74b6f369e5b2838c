# SPDX-License-Identifier: GPL-2.0-only
"""SCST's configuration, as writes to sysfs or as an scst.conf.

Both forms come from the same values; the README files of SCST describe them.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from iscsi.chap import Credentials
from vmlab.errors import LabError


class Configurator(StrEnum):
    """How SCST is configured."""

    SYSFS = "sysfs"
    """By writes to sysfs only."""
    SCSTADMIN = "scstadmin"
    """By scstadmin, which reads scst.conf."""


ROOT = "/sys/kernel/scst_tgt"
_ISCSI = f"{ROOT}/targets/iscsi"
_LEAST_SECRET = 12
"""Shorter secrets break RFC 7143's rule of 96 bits, and some initiators refuse them."""


class Handler(StrEnum):
    """The handler of a device."""

    FILEIO = "vdisk_fileio"
    """A file, through the page cache."""
    BLOCKIO = "vdisk_blockio"
    """A block device, past the page cache."""
    NULLIO = "vdisk_nullio"
    """No storage: writes are discarded, and reads return undefined data."""


@dataclass(frozen=True, slots=True)
class Device:
    """A device, which may be a logical unit of several targets."""

    name: str
    handler: Handler
    filename: str = ""
    """The file or block device; a nullio device has none."""
    block_size: int = 512
    attributes: Mapping[str, str | int] = field(default_factory=dict)
    """Such as nv_cache, read_only, thin_provisioned."""

    def parameters(self) -> dict[str, str]:
        """Return the parameters for creating the device.

        Raises:
            LabError: its file is missing, or is given although the handler uses none.
        """
        if (self.handler is Handler.NULLIO) == bool(self.filename):
            needs = "takes no" if self.filename else "needs a"
            raise LabError(f"device {self.name}: {self.handler} {needs} filename")
        if self.filename and not self.filename.startswith("/"):
            raise LabError(f"device {self.name}: the path {self.filename} is relative")
        values = {"filename": self.filename} if self.filename else {}
        if self.block_size != 512:
            values["blocksize"] = str(self.block_size)
        return values | {name: str(value) for name, value in self.attributes.items()}


@dataclass(frozen=True, slots=True)
class Group:
    """A group of initiators that see other logical units than the rest."""

    name: str
    initiators: tuple[str, ...]
    """Initiator names; * and ? are wildcards."""
    units: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Target:
    """A target name."""

    name: str
    units: Mapping[int, str]
    """The device of each LUN."""
    incoming: tuple[Credentials, ...] = ()
    """The CHAP users; if empty, CHAP is not required."""
    outgoing: Credentials | None = None
    """The target's credentials, for mutual CHAP."""
    portals: tuple[str, ...] = ()
    """The addresses at which it may be reached; if empty, all."""
    groups: tuple[Group, ...] = ()
    attributes: Mapping[str, str | int] = field(default_factory=dict)
    """Such as HeaderDigest, QueuedCommands."""


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration."""

    devices: tuple[Device, ...]
    targets: tuple[Target, ...]
    discovery: tuple[Credentials, ...] = ()
    """The CHAP users of Discovery sessions; if empty, CHAP is not required."""
    discovery_outgoing: Credentials | None = None
    """The target's credentials in Discovery sessions."""

    def check(self) -> None:
        """Check that it is consistent.

        Raises:
            LabError: a name appears twice, or a LUN has a device that does not exist.
        """
        names = [device.name for device in self.devices]
        names += [target.name for target in self.targets]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise LabError(f"SCST's configuration has {twice[0]} twice")
        devices = {device.name for device in self.devices}
        for target in self.targets:
            for units in (target.units, *(group.units for group in target.groups)):
                for lun, device in units.items():
                    if device not in devices:
                        raise LabError(
                            f"{target.name}: LUN {lun} is {device}, which is no device"
                        )
            if target.outgoing is not None and not target.incoming:
                raise LabError(
                    f"{target.name}: mutual CHAP also needs the initiator's secret"
                )


@dataclass(frozen=True, slots=True)
class Write:
    """A text to write to a file of sysfs."""

    path: str
    text: str


def devices(config: Config) -> Iterator[Write]:
    """Return the writes that create the devices; they need only SCST's modules."""
    config.check()
    for device in config.devices:
        pairs = "; ".join(
            f"{name}={value}" for name, value in device.parameters().items()
        )
        command = f"add_device {device.name} {pairs}".rstrip()
        yield Write(f"{ROOT}/handlers/{device.handler}/mgmt", command)


def targets(config: Config) -> Iterator[Write]:
    """Return the writes that create the targets; the daemon must run before them.

    The driver is enabled last, so that no initiator sees an incomplete target.
    """
    config.check()
    for name, value in _users(config.discovery, config.discovery_outgoing):
        yield Write(f"{_ISCSI}/mgmt", f"add_attribute {name} {value}")
    for target in config.targets:
        target_folder = f"{_ISCSI}/{target.name}"
        yield Write(f"{_ISCSI}/mgmt", f"add_target {target.name}")
        for name, value in _attributes(target):
            yield Write(
                f"{_ISCSI}/mgmt", f"add_target_attribute {target.name} {name} {value}"
            )
        for name, plain in target.attributes.items():
            yield Write(f"{target_folder}/{name}", str(plain))
        yield from _units(target_folder, target.units)
        for group in target.groups:
            folder = f"{target_folder}/ini_groups/{group.name}"
            yield Write(f"{target_folder}/ini_groups/mgmt", f"create {group.name}")
            yield from _units(folder, group.units)
            for initiator in group.initiators:
                yield Write(f"{folder}/initiators/mgmt", f"add {initiator}")
        yield Write(f"{target_folder}/enabled", "1")
    yield Write(f"{_ISCSI}/enabled", "1")


def _attributes(target: Target) -> Iterator[tuple[str, str]]:
    """Return the attributes that are added, not set; several users are numbered."""
    yield from _users(target.incoming, target.outgoing)
    for portal in target.portals:
        yield "allowed_portal", portal


def _users(
    incoming: Iterable[Credentials], outgoing: Credentials | None
) -> Iterator[tuple[str, str]]:
    for number, user in enumerate(incoming):
        yield f"IncomingUser{number or ''}", _words(user)
    if outgoing is not None:
        yield "OutgoingUser", _words(outgoing)


def _units(folder: str, units: Mapping[int, str]) -> Iterator[Write]:
    for lun, device in units.items():
        yield Write(f"{folder}/luns/mgmt", f"add {device} {lun}")


def conf(config: Config) -> str:
    """Return the configuration as an scst.conf, for scstadmin."""
    config.check()
    lines: list[str] = []
    for handler in Handler:
        own = [device for device in config.devices if device.handler is handler]
        if own:
            lines += [f"HANDLER {handler} {{"]
            for device in own:
                lines += _block(f"DEVICE {device.name}", device.parameters(), 1)
            lines += ["}", ""]
    lines += ["TARGET_DRIVER iscsi {", "\tenabled 1"]
    for name, value in _users(config.discovery, config.discovery_outgoing):
        lines.append(f"\t{_unnumbered(name)} {_word(value)}")
    for target in config.targets:
        lines += ["", f"\tTARGET {target.name} {{"]
        # The numbers of sysfs are left out, since scstadmin assigns its own.
        for name, value in _attributes(target):
            lines.append(f"\t\t{_unnumbered(name)} {_word(value)}")
        lines += [
            f"\t\t{name} {_word(str(value))}"
            for name, value in target.attributes.items()
        ]
        lines += [f"\t\tLUN {lun} {device}" for lun, device in target.units.items()]
        for group in target.groups:
            lines.append(f"\t\tGROUP {group.name} {{")
            lines += [f"\t\t\tLUN {lun} {name}" for lun, name in group.units.items()]
            lines += [f"\t\t\tINITIATOR {name}" for name in group.initiators]
            lines.append("\t\t}")
        lines += ["\t\tenabled 1", "\t}"]
    return "\n".join([*lines, "}", ""])


def _unnumbered(name: str) -> str:
    return name.rstrip("0123456789")


def _block(head: str, values: Mapping[str, str], depth: int) -> Iterator[str]:
    indent = "\t" * depth
    if not values:
        yield f"{indent}{head}"
        return
    yield f"{indent}{head} {{"
    for name, value in values.items():
        yield f"{indent}\t{name} {_word(value)}"
    yield f"{indent}}}"


def _word(value: str) -> str:
    """Return a value in the form of scst.conf, where a # begins a comment.

    Raises:
        LabError: the file cannot express it.
    """
    if re.search(r'[{}"\n]', value):
        raise LabError('scst.conf cannot express a value with {, } or "')
    escaped = re.sub(r"[#\\]", r"\\\g<0>", value)
    return f'"{escaped}"' if " " in value else escaped


def _words(user: Credentials) -> str:
    """Return a CHAP name and secret in SCST's form.

    Raises:
        LabError: SCST could not separate them, or does not accept such a secret.
    """
    # The daemon splits its arguments at both.
    if not user.name or re.search(r"[\s=]", user.name + user.password):
        raise LabError(f"CHAP: the name {user.name!r} or its secret has a space or =")
    if len(user.secret) < _LEAST_SECRET:
        raise LabError(
            f"CHAP: the secret of {user.name} is shorter than {_LEAST_SECRET} bytes"
        )
    return f"{user.name} {user.password}"
