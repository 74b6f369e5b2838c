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
"""The target's default choice for each key."""

DEFAULT_PORTAL: Final = Portal("127.0.0.1")

ARCHITECTURE: Final = "X#NodeArchitecture"
"""The key with the name of this implementation; it is sent if it has a value."""


class ConfigError(Exception):
    """The configuration is wrong; the message names the key."""


@dataclass(frozen=True, slots=True)
class Access:
    """The permitted initiators and the credentials."""

    users: tuple[Credentials, ...] = ()
    """CHAP names and secrets of initiators; if empty, no authentication is required."""
    mutual: Credentials | None = None
    """The target's own credentials."""
    initiators: tuple[str, ...] = ()
    """Initiator names that may log in; if empty, all may."""
    owners: Mapping[str, str] = field(default_factory=dict)
    """The only initiator name that may use a CHAP name, if there is one."""
    algorithms: tuple[Algorithm, ...] = tuple(Algorithm)

    def admits(self, initiator_name: str) -> bool:
        """Tell whether an initiator may log in."""
        return not self.initiators or initiator_name in self.initiators

    def owns(self, initiator_name: str, user: str) -> bool:
        """Tell whether an initiator may use a CHAP name (section 9.2)."""
        return self.owners.get(user, initiator_name) == initiator_name


OPEN: Final = Access()


@dataclass(frozen=True, slots=True)
class Redirection:
    """The address to which a target has moved."""

    address: str
    is_permanent: bool = False


@dataclass(frozen=True, slots=True)
class TargetConfig:
    """One target node."""

    name: str
    alias: str = ""
    groups: tuple[int, ...] = ()
    """Portal groups through which it is reached; if empty, all."""
    units: tuple[LogicalUnitConfig, ...] = ()
    access: Access = OPEN
    redirection: Redirection | None = None
    may_be_reset: bool = True
    """Whether initiators are authorized to reset the whole target."""
    is_online: bool = True
    is_removed: bool = False

    def is_served_by(self, group: int) -> bool:
        """Tell whether a portal group leads to this node."""
        return not self.groups or group in self.groups


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits that the protocol leaves to the target. Times are in seconds."""

    queue_depth: int = 128
    """The maximum number of commands in progress for one session."""
    buffered_bytes: int = 512 << 20
    """The maximum bytes kept for all peers: data of writes in progress, PDUs that wait
    for their number or may be requested again, output that is not read. Beyond it,
    commands end with TASK SET FULL."""
    session_bytes: int = 256 << 20
    """The part of these for one session."""
    connection_bytes: int = 64 << 20
    """The part of these for unread output of one connection; beyond it, the connection
    is dropped."""
    sessions: int = 256
    connections: int = 1024
    login_time: float = 15.0
    """The time from the TCP connection to full-feature phase."""
    logout_time: float = 5.0
    """The time for a peer to close its half of TCP once ours is closed."""
    ping_interval: float = 0.0
    """The time between NOP-In pings on an idle connection; 0: none are sent."""
    ping_time: float = 5.0
    """The time for the answer to a ping."""
    stall_time: float = 120.0
    """The time in which a peer must read some output; then its connection is
    dropped."""
    data_time: float = 30.0
    """The time for requested data, once `buffered_bytes` are nearly used."""
    login_exchanges: int = 64
    start_time: float = 0.0
    """The time from the start of the program until it listens."""
    answer_time: float = 0.0
    """The time for which answers are delayed; all answers of that time are sent at
    once."""
    closing_time: float = 0.0
    """The time from the last output of a connection until its FIN."""
    piece_bytes: int = 0
    """The bytes that are given to TCP at once; 0: as many as it accepts."""


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration."""

    portals: tuple[Portal, ...] = (DEFAULT_PORTAL,)
    targets: tuple[TargetConfig, ...] = ()
    discovery: Access = OPEN
    is_discovery_offered: bool = True
    keys: Mapping[str, str] = field(default_factory=lambda: OWN_VALUES)
    limits: Limits = field(default_factory=Limits)
    faults: tuple[str, ...] = ()
    habits: tuple[str, ...] = ()
    """Enabled legal behaviours (`reftarget.habits.configured` applies them)."""
    state_directory: Path | None = None
    """The folder of persistent reservations; None: they do not survive."""
