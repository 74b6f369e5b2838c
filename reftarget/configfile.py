# SPDX-License-Identifier: GPL-2.0-only
"""The TOML configuration file: every mistake is named by its key.

[[portal]]
address = "127.0.0.1:3260"
group = 1

[[target]]
name = "iqn.2001-04.com.example:disk"
alias = "a disk"
portal_group = 1                    # or portal_groups = [1, 2]; none: all
initiators = ["iqn.2001-04.com.example:host"]
auth = { user = "u", secret = "s", mutual_user = "t", mutual_secret = "r" }
                                    # or [{ user = "u", secret = "s", initiator = ...}]
may_be_reset = true
redirect = { address = "192.0.2.1:3260", permanent = true }
state = "online"                    # or offline, removed

[[target.lun]]
lun = 0
size = "64M"
file = "/var/tmp/disk.img"
read_only = false

[discovery]
offered = true
auth = { user = "u", secret = "s" }

[limits]                            # docs/reference-target.md lists all of them
queue_depth = 32
buffered_bytes = 536870912

[keys]
ErrorRecoveryLevel = 0
ImmediateData = "No"

A user without `initiator` may log in under any initiator name, and so reinstate a
session that another user has opened under it (RFC 7143 section 6.3.5): bind each user
to an initiator where users do not trust each other.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeVar

from iscsi import text
from iscsi.address import Portal
from iscsi.chap import Algorithm, Credentials
from iscsi.constants import ISCSI_PORT
from iscsi.errors import DecodeError
from iscsi.keys import KEYS, Kind
from iscsi.names import is_iscsi_name, parse_target_address
from iscsi.negotiation import is_admissible
from reftarget.config import (
    ARCHITECTURE,
    DEFAULT_PORTAL,
    OWN_VALUES,
    Access,
    Config,
    ConfigError,
    Limits,
    Redirection,
    TargetConfig,
)
from reftarget.scsi.config import LogicalUnitConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_T = TypeVar("_T")

_STATES: Final = ("online", "offline", "removed")
_SUFFIXES: Final = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SIZE: Final = re.compile(r"(\d+)([KMGT]?)(?:iB|B)?", re.IGNORECASE)
_MAX_PORT: Final = 0xFFFF


class Table:
    """A table of the file, whose keys are read once; unread keys are errors."""

    def __init__(self, values: object, where: str) -> None:
        if not isinstance(values, dict):
            raise ConfigError(f"{where} is not a table")
        self._values: dict[str, Any] = dict(values)
        self.where = where

    def name(self, key: str) -> str:
        """Return a key's full name."""
        return f"{self.where}.{key}" if self.where else key

    def take(self, key: str, kind: type[_T], default: _T) -> _T:
        """Return a value of a type, or the default if the key is missing."""
        if key not in self._values:
            return default
        value = self._values.pop(key)
        is_wrong_bool = isinstance(value, bool) and kind is not bool
        if is_wrong_bool or not isinstance(value, kind):
            raise ConfigError(f"{self.name(key)}: {value!r} is no {kind.__name__}")
        return value

    def parse(self, key: str, parse: Callable[[Any], _T], default: _T) -> _T:
        """Return the result of a function on a value, or the default."""
        if key not in self._values:
            return default
        value = self._values.pop(key)
        try:
            return parse(value)
        except (ValueError, TypeError, DecodeError) as error:
            raise ConfigError(f"{self.name(key)}: {error}") from error

    def tables(self, key: str) -> list[Table]:
        """Return an array of tables."""
        values = self.take(key, list, [])
        name = self.name(key)
        return [Table(value, f"{name}[{i}]") for i, value in enumerate(values)]

    def table(self, key: str) -> Table:
        """Return a table, empty where there is none."""
        return Table(self._values.pop(key, {}), self.name(key))

    def one_or_more(self, key: str) -> list[Table]:
        """Return a table, or an array of them, as an array."""
        value = self._values.pop(key, [])
        values = value if isinstance(value, list) else [value]
        return [Table(one, self.name(key)) for one in values]

    def has(self, key: str) -> bool:
        """Tell whether a key exists."""
        return key in self._values

    def rest(self) -> dict[str, Any]:
        """Return and consume all remaining keys."""
        values, self._values = self._values, {}
        return values

    def end(self) -> None:
        """Refuse keys that have not been read."""
        for key in self._values:
            raise ConfigError(f"{self.name(key)}: unknown key")


def parse_size(value: object) -> int:
    """Return a number of bytes: a number, or one followed by K, M, G or T.

    Raises:
        ValueError: the text is not such a number.
    """
    match = _SIZE.fullmatch(str(value))
    if match is None or isinstance(value, bool):
        raise ValueError(f"{value!r} is not a size such as 64M")
    return int(match[1]) * _SUFFIXES[match[2].upper()]


def parse_portal(value: object, group: int = 1) -> Portal:
    """Return the portal of HOST:PORT, HOST or [IPV6]:PORT.

    Other than in a URL (`iscsi.address`), port 0 is permitted: the system chooses one.

    Raises:
        ValueError: it is none of these.
        TypeError: it is no text.
    """
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not HOST:PORT")
    host, colon, port = value.rpartition(":")
    if not colon or value.endswith("]"):
        host, port = value, str(ISCSI_PORT)
    if not port.isdecimal() or int(port) > _MAX_PORT or not host:
        raise ValueError(f"{value!r} is not HOST:PORT")
    return Portal(host.strip("[]"), int(port), group)


def parse_secret(value: object) -> bytes:
    """Return the bytes of a secret: text, 0x... or 0b... (RFC 7143 section 9.2.1).

    Raises:
        DecodeError: a binary form that is none.
        ValueError: it is empty or no text.
    """
    if not isinstance(value, str) or not value:
        raise ValueError("a secret must be text and not empty")
    if value.startswith(("0x", "0X", "0b", "0B")):
        return text.parse_binary(value)
    return value.encode()


def read(path: Path) -> Config:
    """Return the configuration in a file.

    Raises:
        ConfigError: it cannot be read, or a value is wrong.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error
    try:
        return _config(Table(values, ""), path.parent)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def _config(root: Table, directory: Path) -> Config:
    portals = tuple(map(_portal, root.tables("portal"))) or (DEFAULT_PORTAL,)
    targets = tuple(_target(table, directory) for table in root.tables("target"))
    names = [target.name for target in targets]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"target.name: {name!r} appears twice")
    discovery = root.table("discovery")
    state = root.take("state_directory", str, "")
    config = Config(
        portals=portals,
        targets=targets,
        is_discovery_offered=discovery.take("offered", bool, True),
        discovery=_access(discovery),
        limits=_limits(root.table("limits")),
        keys=_keys(root.table("keys")),
        faults=tuple(map(str, root.take("faults", list, []))),
        state_directory=directory / state if state else None,
    )
    discovery.end()
    root.end()
    return config


def _portal(table: Table) -> Portal:
    group = table.take("group", int, 1)
    if not 0 <= group <= _MAX_PORT:
        raise ConfigError(
            f"{table.name('group')}: {group} is not a number from 0 to 65535"
        )
    portal = table.parse(
        "address", lambda value: parse_portal(value, group), DEFAULT_PORTAL
    )
    table.end()
    return portal


def _target(table: Table, directory: Path) -> TargetConfig:
    name = table.take("name", str, "")
    if not is_iscsi_name(name):
        raise ConfigError(f"{table.name('name')}: {name!r} is not an iSCSI name")
    group = table.take("portal_group", int, -1)
    groups = table.take("portal_groups", list, [group] if group >= 0 else [])
    state = table.take("state", str, _STATES[0])
    if state not in _STATES:
        raise ConfigError(
            f"{table.name('state')}: {state!r} is not one of {', '.join(_STATES)}"
        )
    units = tuple(_unit(unit, directory) for unit in table.tables("lun"))
    target = TargetConfig(
        name,
        alias=table.take("alias", str, ""),
        groups=tuple(groups),
        units=units,
        access=_access(table),
        redirection=_redirection(table),
        may_be_reset=table.take("may_be_reset", bool, True),
        is_online=state == "online",
        is_removed=state == "removed",
    )
    table.end()
    return target


def _redirection(table: Table) -> Redirection | None:
    if not table.has("redirect"):
        return None
    inner = table.table("redirect")
    address = inner.parse("address", _untagged_address, "")
    if not address:
        raise ConfigError(f"{inner.name('address')} is missing")
    redirection = Redirection(address, inner.take("permanent", bool, False))
    inner.end()
    return redirection


def _untagged_address(value: str) -> str:
    """Return a TargetAddress as a redirection gives it (RFC 7143 section 13.8)."""
    return str(replace(parse_target_address(value), portal_group_tag=None))


def _access(table: Table) -> Access:
    """Return the access rules in the keys `initiators` and `auth`."""
    initiators = tuple(map(str, table.take("initiators", list, [])))
    users: list[Credentials] = []
    owners: dict[str, str] = {}
    mutual = None
    algorithms = tuple(Algorithm)
    for auth in table.one_or_more("auth"):
        if auth.has("user") or auth.has("secret"):
            users.append(_credentials(auth, "user", "secret"))
            if auth.has("initiator"):
                owners[users[-1].name] = auth.take("initiator", str, "")
        if auth.has("mutual_user") or auth.has("mutual_secret"):
            mutual = _credentials(auth, "mutual_user", "mutual_secret")
        algorithms = auth.parse("algorithms", _algorithms, algorithms)
        auth.end()
    if mutual is not None and any(user.secret == mutual.secret for user in users):
        raise ConfigError(
            f"{table.name('auth')}: the two directions need different secrets"
            " (RFC 7143 section 9.2.1)"
        )
    return Access(
        tuple(users), mutual, initiators, MappingProxyType(owners), algorithms
    )


def _algorithms(values: list[int]) -> tuple[Algorithm, ...]:
    return tuple(map(Algorithm, values))


def _credentials(table: Table, name: str, secret: str) -> Credentials:
    credentials = Credentials(
        table.take(name, str, ""), table.parse(secret, parse_secret, b"")
    )
    if not credentials.name or not credentials.secret:
        missing = secret if credentials.name else name
        raise ConfigError(f"{table.name(missing)} is missing")
    return credentials


_UNIT_KEYS: Final = {
    item.name: item for item in fields(LogicalUnitConfig) if item.name != "path"
}


def _unit(table: Table, directory: Path) -> LogicalUnitConfig:
    values: dict[str, Any] = {}
    if table.has("file"):
        values["path"] = directory / table.take("file", str, "")
    if table.has("size"):
        values["size"] = table.parse("size", parse_size, 0)
    elif "path" in values and values["path"].exists():
        values["size"] = values["path"].stat().st_size
    values["lun"] = table.take("lun", int, 0)
    for name, value in table.rest().items():
        if name not in _UNIT_KEYS:
            raise ConfigError(f"{table.name(name)}: unknown key")
        default = _UNIT_KEYS[name].default
        kinds = (int, float) if isinstance(default, float) else type(default)
        if not isinstance(value, kinds):
            raise ConfigError(f"{table.name(name)}: {value!r} has the wrong type")
        values[name] = value
    try:
        return LogicalUnitConfig(**values)
    except ValueError as error:
        raise ConfigError(f"{table.where}: {error}") from error


def _limits(table: Table) -> Limits:
    values: dict[str, Any] = {}
    names = {item.name for item in fields(Limits)}
    for name, value in table.rest().items():
        if name not in names:
            raise ConfigError(f"{table.name(name)}: unknown key")
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
            raise ConfigError(
                f"{table.name(name)}: {value!r} is not a number of 0 or more"
            )
        values[name] = value
    return Limits(**values)


def _keys(table: Table) -> MappingProxyType[str, str]:
    """Return the target's choice for each text key."""
    values = dict(OWN_VALUES)
    for name, value in table.rest().items():
        values[name] = own_value(name, value, table.name(name))
    check_keys(values)
    return MappingProxyType(values)


def own_value(name: str, value: object, where: str) -> str:
    """Return a text key's value in the form of the wire.

    Raises:
        ConfigError: the key is not negotiable, or cannot have this value.
    """
    key = KEYS.get(name)
    if key is None or name not in (*OWN_VALUES, ARCHITECTURE):
        raise ConfigError(f"{where}: not a text key that can be set")
    if isinstance(value, list):
        value = ",".join(map(str, value))
    if isinstance(value, bool):
        value = text.format_boolean(value)
    chosen = str(value)
    is_good = is_admissible(key, chosen)
    if key.kind is Kind.LIST:
        is_good = set(text.parse_list(chosen)) <= set(key.choices) and is_good
    if not is_good:
        raise ConfigError(f"{where}: {chosen!r} is not a value of {name}")
    return chosen


def check_keys(values: Mapping[str, str]) -> None:
    """Refuse inconsistent values.

    Raises:
        ConfigError: FirstBurstLength is above MaxBurstLength.
    """
    if int(values["FirstBurstLength"]) > int(values["MaxBurstLength"]):
        raise ConfigError("keys.FirstBurstLength is above keys.MaxBurstLength")
