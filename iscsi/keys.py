# SPDX-License-Identifier: GPL-2.0-only
"""The table of every text key of RFC 7143 chapters 12 and 13 and of RFC 7144.

Both roles use the table: the reference target answers by it, the initiator judges
answers by it, and tests are generated from its rows.
"""

from dataclasses import dataclass
from enum import StrEnum

from iscsi.constants import MAX_DATA_SEGMENT_LENGTH, Role


class Kind(StrEnum):
    """The type of a value, and how two values give a result (section 6.2)."""

    LIST = "list"  # the first value of the offer that the other side supports
    AND = "boolean and"  # Yes only if both say Yes
    OR = "boolean or"  # Yes if either says Yes
    MINIMUM = "minimum"
    MAXIMUM = "maximum"
    NUMBER = "declared number"
    NAME = "declared iSCSI name"
    TEXT = "declared text"
    CHOICE = "declared, one of a few"
    REQUEST = "request"  # SendTargets
    METHOD = "of an authentication method"
    OBSOLETE = "obsolete"  # the markers of RFC 3720


class When(StrEnum):
    """The stage in which a key may be used."""

    SECURITY = "security"
    OPERATIONAL = "operational"
    ANY_STAGE = "any stage"
    FULL_FEATURE = "full feature"


class Use(StrEnum):
    """How often and in which phase a key may be used (chapter 13)."""

    INITIALIZE_ONLY = "IO"
    LEADING_ONLY = "LO"
    FULL_FEATURE_ONLY = "FFPO"
    ALL = "ALL"


class Scope(StrEnum):
    """The scope of a value (chapter 13)."""

    SESSION_WIDE = "SW"
    CONNECTION_ONLY = "CO"


@dataclass(frozen=True, slots=True)
class Key:
    """One row: the use of a key and its values."""

    name: str
    section: str
    kind: Kind
    use: Use
    when: When
    scope: Scope = Scope.SESSION_WIDE
    senders: frozenset[Role] = frozenset(Role)
    default: str | None = None
    low: int = 0
    high: int = 0
    choices: tuple[str, ...] = ()
    irrelevant_in_discovery: bool = False
    may_repeat: bool = False

    @property
    def is_declarative(self) -> bool:
        """True if no answer is expected."""
        return self.kind in _DECLARATIVE

    @property
    def is_numerical(self) -> bool:
        """True if the value is one number within `low` and `high`."""
        return self.kind in _NUMERICAL

    @property
    def is_boolean(self) -> bool:
        """True if the value is Yes or No."""
        return self.kind in (Kind.AND, Kind.OR)


_DECLARATIVE = frozenset({Kind.NUMBER, Kind.NAME, Kind.TEXT, Kind.CHOICE})
_NUMERICAL = frozenset({Kind.MINIMUM, Kind.MAXIMUM, Kind.NUMBER})

_IO, _LO = Use.INITIALIZE_ONLY, Use.LEADING_ONLY
_SECURITY, _OPERATIONAL, _ANY = When.SECURITY, When.OPERATIONAL, When.ANY_STAGE
_CO, _SW = Scope.CONNECTION_ONLY, Scope.SESSION_WIDE
_INITIATOR = frozenset({Role.INITIATOR})
_TARGET = frozenset({Role.TARGET})
_SHORTEST, _LONGEST = 512, MAX_DATA_SEGMENT_LENGTH


def _leading(
    name: str, section: str, kind: Kind, default: str, low: int = 0, high: int = 0
) -> Key:
    """Return a row for a key that only Normal sessions negotiate (LO, SW)."""
    return Key(
        name,
        section,
        kind,
        _LO,
        _OPERATIONAL,
        default=default,
        low=low,
        high=high,
        irrelevant_in_discovery=True,
    )


def _method(name: str, section: str) -> Key:
    return Key(name, section, Kind.METHOD, _IO, _SECURITY, _CO)


def _obsolete(name: str) -> Key:
    return Key(name, "13.25", Kind.OBSOLETE, _IO, _OPERATIONAL, _CO)


# fmt: off
_ROWS = (
    Key("AuthMethod", "12.1", Kind.LIST, _IO, _SECURITY, _CO,
        choices=("CHAP", "SRP", "KRB5", "None")),
    *(_method(name, "12.1.1") for name in ("KRB_AP_REQ", "KRB_AP_REP")),
    *(_method(name, "12.1.2") for name in (
        "SRP_U", "TargetAuth", "SRP_GROUP", "SRP_s", "SRP_A", "SRP_B", "SRP_M",
        "SRP_HM")),
    *(_method(name, "12.1.3") for name in (
        "CHAP_A", "CHAP_I", "CHAP_C", "CHAP_N", "CHAP_R")),

    Key("HeaderDigest", "13.1", Kind.LIST, _IO, _OPERATIONAL, _CO, default="None",
        choices=("CRC32C", "None")),
    Key("DataDigest", "13.1", Kind.LIST, _IO, _OPERATIONAL, _CO, default="None",
        choices=("CRC32C", "None")),
    _leading("MaxConnections", "13.2", Kind.MINIMUM, "1", 1, 65535),
    Key("SendTargets", "13.3", Kind.REQUEST, Use.FULL_FEATURE_ONLY,
        When.FULL_FEATURE, _SW, _INITIATOR),
    Key("TargetName", "13.4", Kind.NAME, _IO, _ANY),
    Key("InitiatorName", "13.5", Kind.NAME, _IO, _ANY, _SW, _INITIATOR),
    Key("TargetAlias", "13.6", Kind.TEXT, Use.ALL, _ANY, _SW, _TARGET),
    Key("InitiatorAlias", "13.7", Kind.TEXT, Use.ALL, _ANY, _SW, _INITIATOR),
    Key("TargetAddress", "13.8", Kind.TEXT, Use.ALL, _ANY, _SW, _TARGET,
        may_repeat=True),
    Key("TargetPortalGroupTag", "13.9", Kind.NUMBER, _IO, _ANY, _SW, _TARGET,
        low=0, high=65535),
    _leading("InitialR2T", "13.10", Kind.OR, "Yes"),
    _leading("ImmediateData", "13.11", Kind.AND, "Yes"),
    Key("MaxRecvDataSegmentLength", "13.12", Kind.NUMBER, Use.ALL, _OPERATIONAL, _CO,
        default="8192", low=_SHORTEST, high=_LONGEST),
    _leading("MaxBurstLength", "13.13", Kind.MINIMUM, "262144", _SHORTEST, _LONGEST),
    _leading("FirstBurstLength", "13.14", Kind.MINIMUM, "65536", _SHORTEST, _LONGEST),
    Key("DefaultTime2Wait", "13.15", Kind.MAXIMUM, _LO, _OPERATIONAL, default="2",
        low=0, high=3600),
    Key("DefaultTime2Retain", "13.16", Kind.MINIMUM, _LO, _OPERATIONAL, default="20",
        low=0, high=3600),
    _leading("MaxOutstandingR2T", "13.17", Kind.MINIMUM, "1", 1, 65535),
    _leading("DataPDUInOrder", "13.18", Kind.OR, "Yes"),
    _leading("DataSequenceInOrder", "13.19", Kind.OR, "Yes"),
    Key("ErrorRecoveryLevel", "13.20", Kind.MINIMUM, _LO, _OPERATIONAL, default="0",
        low=0, high=2),
    Key("SessionType", "13.21", Kind.CHOICE, _LO, _ANY, _SW, _INITIATOR,
        default="Normal", choices=("Normal", "Discovery")),
    Key("TaskReporting", "13.23", Kind.LIST, _LO, _OPERATIONAL, default="RFC3720",
        choices=("RFC3720", "ResponseFence", "FastAbort"),
        irrelevant_in_discovery=True),
    _leading("iSCSIProtocolLevel", "13.24", Kind.MINIMUM, "1", 0, 31),
    *(_obsolete(name) for name in (
        "IFMarker", "OFMarker", "IFMarkInt", "OFMarkInt")),
    Key("X#NodeArchitecture", "13.26", Kind.TEXT, _LO, _OPERATIONAL),
)
# fmt: on

KEYS: dict[str, Key] = {key.name: key for key in _ROWS}
"""Every known key by its name."""


def default(name: str) -> str:
    """Return the value that applies before a key is negotiated.

    Raises:
        KeyError: the key is unknown or has no default.
    """
    value = KEYS[name].default
    if value is None:
        raise KeyError(f"{name} has no default")
    return value
