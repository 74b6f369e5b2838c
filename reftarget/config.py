# SPDX-License-Identifier: GPL-2.0-only
"""The configuration of the reference target; it does not change during a run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from iscsi.address import Portal
from iscsi.chap import Algorithm, Credentials
from reftarget.scsi.config import LogicalUnitConfig

OWN_VALUES: Final = MappingProxyType(
    {
        "HeaderDigest": "CRC32C,None",
        "DataDigest": "CRC32C,None",
        "MaxConnections": "16",
        "InitialR2T": "No",
        "ImmediateData": "Yes",
        "MaxRecvDataSegmentLength": "262144",
        "MaxBurstLength": "1048576",
        "FirstBurstLength": "262144",
        "DefaultTime2Wait": "2",
        "DefaultTime2Retain": "20",
        "MaxOutstandingR2T": "8",
        "DataPDUInOrder": "No",
        "DataSequenceInOrder": "No",
        "ErrorRecoveryLevel": "2",
        "TaskReporting": "FastAbort,ResponseFence,RFC3720",
        "iSCSIProtocolLevel": "2",
    }
)
"""What the target chooses for each key by default."""

DEFAULT_PORTAL: Final = Portal("127.0.0.1")

ARCHITECTURE: Final = "X#NodeArchitecture"
"""The key that tells what this target is; it is sent where it has a value."""


class ConfigError(Exception):
    """A configuration that makes no sense; the message names the key."""


@dataclass(frozen=True, slots=True)
class Access:
    """Who may log in, and with which credentials."""

    users: tuple[Credentials, ...] = ()
    """CHAP names and secrets of initiators; none: no authentication."""
    mutual: Credentials | None = None
    """What the target proves itself with."""
    initiators: tuple[str, ...] = ()
    """Initiator names that may log in; none: all may."""
    owners: Mapping[str, str] = field(default_factory=dict)
    """The one initiator name that may use a CHAP name, where there is one."""
    algorithms: tuple[Algorithm, ...] = tuple(Algorithm)

    def admits(self, initiator_name: str) -> bool:
        """Tell whether an initiator may log in at all."""
        return not self.initiators or initiator_name in self.initiators

    def owns(self, initiator_name: str, user: str) -> bool:
        """Tell whether a CHAP name is an initiator's to use (section 9.2)."""
        return self.owners.get(user, initiator_name) == initiator_name


OPEN: Final = Access()


@dataclass(frozen=True, slots=True)
class Redirection:
    """Where a target has moved to."""

    address: str
    is_permanent: bool = False


@dataclass(frozen=True, slots=True)
class TargetConfig:
    """One target node."""

    name: str
    alias: str = ""
    groups: tuple[int, ...] = ()
    """Portal groups that lead to it; none: all do."""
    units: tuple[LogicalUnitConfig, ...] = ()
    access: Access = OPEN
    redirection: Redirection | None = None
    may_be_reset: bool = True
    """Whether initiators are authorized to reset the whole target."""
    is_online: bool = True
    is_removed: bool = False

    def is_served_by(self, group: int) -> bool:
        """Tell whether a portal group leads here."""
        return not self.groups or group in self.groups


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds that the protocol leaves to the target. Times are in seconds."""

    queue_depth: int = 128
    """Commands of one session that may be in progress."""
    buffered_bytes: int = 512 << 20
    """Bytes kept for all peers: data of writes in progress, PDUs that wait for their
    number or may be asked for again, output that is not read; beyond, TASK SET FULL."""
    session_bytes: int = 256 << 20
    """Of these, bytes kept for one session."""
    connection_bytes: int = 64 << 20
    """Of these, output of one connection that is not read; beyond, it is dropped."""
    sessions: int = 256
    connections: int = 1024
    login_time: float = 15.0
    """From TCP connection to full-feature phase."""
    logout_time: float = 5.0
    """For a peer to close its half of TCP once ours is closed."""
    ping_interval: float = 0.0
    """Between NOP-In pings on an idle connection; 0: none are sent."""
    ping_time: float = 5.0
    """For the answer to a ping."""
    stall_time: float = 120.0
    """For a peer to read anything of what is sent; then its connection is dropped."""
    data_time: float = 30.0
    """For data that was asked for, once `buffered_bytes` are nearly used up."""
    login_exchanges: int = 64
    start_time: float = 0.0
    """From the start of the program until it listens."""
    answer_time: float = 0.0
    """For which answers wait before they are sent; all of that time go out at once."""
    closing_time: float = 0.0
    """From the last that a connection has to say until its FIN."""
    piece_bytes: int = 0
    """Bytes that are given to TCP at a time; 0: as many as it takes."""


@dataclass(frozen=True, slots=True)
class Config:
    """The whole."""

    portals: tuple[Portal, ...] = (DEFAULT_PORTAL,)
    targets: tuple[TargetConfig, ...] = ()
    discovery: Access = OPEN
    is_discovery_offered: bool = True
    keys: Mapping[str, str] = field(default_factory=lambda: OWN_VALUES)
    limits: Limits = field(default_factory=Limits)
    faults: tuple[str, ...] = ()
    habits: tuple[str, ...] = ()
    """Legal behaviours that are on (`reftarget.habits.configured` applies them)."""
    state_directory: Path | None = None
    """Where persistent reservations are kept; None: they do not survive."""
