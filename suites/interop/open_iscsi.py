# SPDX-License-Identifier: GPL-2.0-only
"""Parses the output of iscsiadm and multipathd, and builds settings for iscsiadm."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from targets import Chap


@dataclass(frozen=True, slots=True)
class Node:
    """A target name at a portal, from discovery."""

    address: str
    port: int
    group_tag: int
    name: str


@dataclass(frozen=True, slots=True)
class KernelSession:
    """A session of the Linux kernel's initiator."""

    sid: int
    target: str
    port: int
    session_state: str
    connection_state: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    """The negotiated values."""
    disks: Mapping[int, str] = field(default_factory=dict)
    """The name of the disk of each LUN."""

    @property
    def is_logged_in(self) -> bool:
        """Whether commands can be sent."""
        states = (self.session_state, self.connection_state)
        return states == ("LOGGED_IN", "LOGGED IN")


@dataclass(frozen=True, slots=True)
class Path:
    """A path of multipath-tools to a logical unit."""

    disk: str
    unit: str
    """The WWID of the unit behind it."""
    is_active: bool
    """Whether the kernel sends commands over it."""


_NODE = re.compile(r"^\[?(?P<address>[^\s\]]+)\]?:(\d+),(\d+) (\S+)$", re.MULTILINE)
_FIELD = re.compile(r"^\s*([A-Za-z][\w ]*?): (.*)$", re.MULTILINE)
_DISK = re.compile(r"Lun: (\d+)\n\s*Attached scsi disk (\w+)")


def parse_discovery(printed: str) -> list[Node]:
    """Return the records in the output of `iscsiadm -m discovery`."""
    return [
        Node(address, int(port), int(tag), name)
        for address, port, tag, name in _NODE.findall(printed)
    ]


def parse_sessions(printed: str) -> list[KernelSession]:
    """Return the sessions in the output of `iscsiadm -m session -P 3`."""
    sessions = []
    for block in re.split(r"^Target: ", printed, flags=re.MULTILINE)[1:]:
        name = block.split()[0]
        # Sessions through several portals are listed below the same target.
        parts = re.split(r"^\s*Current Portal: ", block, flags=re.MULTILINE)[1:]
        sessions += [_parse_session(name, part) for part in parts]
    return sessions


def _parse_session(name: str, block: str) -> KernelSession:
    portal = block.split(maxsplit=1)[0]
    fields = dict(_FIELD.findall(block))
    negotiated = block.partition("Negotiated iSCSI params:")[2]
    parameters = dict(_FIELD.findall(negotiated.partition("Attached SCSI")[0]))
    return KernelSession(
        sid=int(fields["SID"]),
        target=name,
        port=int(portal.rpartition(":")[2].partition(",")[0]),
        session_state=fields["iSCSI Session State"],
        connection_state=fields["iSCSI Connection State"],
        parameters=parameters,
        disks={int(lun): disk for lun, disk in _DISK.findall(block)},
    )


PATHS_FORMAT = "%d %w %t"
"""The format of paths that multipathd is asked for."""


def parse_paths(printed: str) -> list[Path]:
    """Return the paths that multipathd prints (see PATHS_FORMAT)."""
    rows = [line.split() for line in printed.splitlines()]
    return [Path(row[0], row[1], row[2] == "active") for row in rows if len(row) == 3]


def settings(
    *,
    header_digest: bool = False,
    data_digest: bool = False,
    chap: Chap | None = None,
    replacement_seconds: int = 120,
) -> Mapping[str, str]:
    """Return the settings of a node record.

    Args:
        header_digest: whether to require header digests.
        data_digest: whether to require data digests.
        chap: the CHAP credentials; mutual if they include the target's secret.
        replacement_seconds: how long commands wait for a lost session.
    """
    return dict(_settings(header_digest, data_digest, chap, replacement_seconds))


def _settings(
    header_digest: bool, data_digest: bool, chap: Chap | None, seconds: int
) -> Iterator[tuple[str, str]]:
    for name, enabled in (("HeaderDigest", header_digest), ("DataDigest", data_digest)):
        yield f"node.conn[0].iscsi.{name}", "CRC32C" if enabled else "None"
    yield "node.session.timeo.replacement_timeout", str(seconds)
    if chap is None:
        return
    auth = "node.session.auth"
    yield f"{auth}.authmethod", "CHAP"
    yield f"{auth}.username", chap.credentials.name
    yield f"{auth}.password", chap.credentials.password
    if chap.mutual is not None:
        yield f"{auth}.username_in", chap.mutual.name
        yield f"{auth}.password_in", chap.mutual.password
