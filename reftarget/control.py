# SPDX-License-Identifier: GPL-2.0-only
"""Orders that an operator can give the target while it runs (--control).

A command is a line on standard input, a word and arguments NAME=VALUE; each is answered
by a line that starts with `ok` or `error`. Without `tsih`, or with 0, which names none,
the newest normal session is meant; without `cid` its first connection.

    sessions                        list sessions and their connections
    ping                            send a NOP-In that wants an answer
    logout-request seconds=5        Async Message 1; the drop follows in time
    drop-connection                 Async Message 2, then the end of TCP
    drop-session                    Async Message 3, then the end of all TCP
    negotiation-request seconds=5   Async Message 4
    scsi-event lun=0                Async Message 0 with CAPACITY DATA HAS CHANGED
    vendor-event code=7             Async Message 255
    cut                             end TCP without a notice
    offline target=IQN              refuse logins with status 0301
    remove target=IQN               refuse them with 0204, and drop its sessions
    online target=IQN               take it back
    login-time seconds=15           how long logins may take from now on
    add-unit lun=9 size=67108864    serve one unit more, of memory
    remove-unit lun=9               serve it no longer
    resize-unit lun=9 size=1048576  give it another size
    write-protect lun=9 on=1        protect it from writes, or (0) no longer
    access-state lun=0 group=2 state=standby
                                    put a target port group of a unit into a state
    access-preference lun=0 group=2 on=1
                                    make it a preferred one, or no longer
    access-failure lun=0            a change of state by the target itself has failed
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from iscsi.constants import AsyncEvent
from iscsi.printable import printable
from iscsi.scsi.port_groups import AccessState
from iscsi.scsi.sense import AdditionalSense, Sense, SenseKey
from reftarget import events
from reftarget.backing import BackingError
from reftarget.scsi import access, changes
from reftarget.scsi.config import LogicalUnitConfig

if TYPE_CHECKING:
    from collections.abc import Callable

    from reftarget.connection import Connection
    from reftarget.scsi.unit import LogicalUnit
    from reftarget.session import Session
    from reftarget.target import Node, ReferenceTarget

    Arguments = dict[str, str]
    Action = Callable[[ReferenceTarget, Arguments], str]


_SIZE: Final = 1 << 50
"""The maximum size of an added unit, in bytes."""

_LUN: Final = 0x3FFF
"""The greatest LUN of a unit."""

_FIELD: Final = 0xFFFF
"""The greatest number in a field of 16 bits: a parameter, a CID, a TSIH."""


class ControlError(Exception):
    """A command that cannot be carried out."""


def execute(target: ReferenceTarget, line: str) -> str:
    """Carry out a command; return the answer to it."""
    word, *words = line.split() or [""]
    action = _ACTIONS.get(word)
    if action is None:
        return f"error {word!r} is not one of {', '.join(_ACTIONS)}"
    try:
        answer = f"ok {action(target, dict(map(_argument, words)))}".rstrip()
    except ControlError as error:
        answer = f"error {error}"
    # Initiators choose their names, so escape what would break the line.
    return printable(answer)


def _argument(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not equals:
        raise ControlError(f"{word!r} is not NAME=VALUE")
    return name, value


def _number(
    arguments: Arguments, name: str, default: int, *, maximum: int = _FIELD
) -> int:
    value = arguments.get(name, str(default))
    try:
        number = int(value, 0)
    except ValueError:
        raise ControlError(f"{name}={value[:40]} is not a number") from None
    if not 0 <= number <= maximum:
        raise ControlError(f"{name}={value[:40]} is not a number from 0 to {maximum}")
    return number


def _session(target: ReferenceTarget, arguments: Arguments) -> Session:
    tsih = _number(arguments, "tsih", 0)
    if tsih:
        session = target.sessions.get(tsih)
    else:
        normal = [one for one in target.sessions.values() if not one.is_discovery]
        session = normal[-1] if normal else None
    if session is None:
        raise ControlError("there is no such session")
    return session


def _connection(target: ReferenceTarget, arguments: Arguments) -> Connection:
    session = _session(target, arguments)
    first = next(iter(session.connections), 0)
    connection = session.connections.get(_number(arguments, "cid", first))
    if connection is None:
        raise ControlError("there is no such connection")
    return connection


def _node(target: ReferenceTarget, arguments: Arguments) -> Node:
    name = arguments.get("target") or next(iter(target.nodes))
    node = target.nodes.get(name)
    if node is None:
        raise ControlError(f"there is no target {name!r}")
    return node


def _list_sessions(target: ReferenceTarget, _arguments: Arguments) -> str:
    return "; ".join(
        f"tsih={session.tsih} cids={','.join(map(str, session.connections)) or '-'}"
        f" tasks={len(session.commands)} initiator={session.nexus.initiator_name}"
        f" target={session.nexus.target_name or '-'}"
        for session in target.sessions.values()
    )


def _ping(target: ReferenceTarget, arguments: Arguments) -> str:
    _connection(target, arguments).ping()
    return ""


def _request_logout(target: ReferenceTarget, arguments: Arguments) -> str:
    seconds = _number(arguments, "seconds", 5)
    connection = _connection(target, arguments)
    others = _session(target, arguments).connections.values()
    events.request_logout(connection, others, seconds, target.now)
    return ""


def _drop_connection(target: ReferenceTarget, arguments: Arguments) -> str:
    events.drop_connection(_connection(target, arguments))
    return ""


def _drop_session(target: ReferenceTarget, arguments: Arguments) -> str:
    _session(target, arguments).drop()
    return ""


def _request_negotiation(target: ReferenceTarget, arguments: Arguments) -> str:
    seconds = _number(arguments, "seconds", 5)
    events.request_negotiation(_connection(target, arguments), seconds)
    return ""


def _report_scsi(target: ReferenceTarget, arguments: Arguments) -> str:
    sense = Sense.of(
        SenseKey.UNIT_ATTENTION, AdditionalSense.CAPACITY_DATA_HAS_CHANGED
    ).build()
    lun = _number(arguments, "lun", 0)
    node = _session(target, arguments).node
    if node is None or lun not in node.device.units:
        raise ControlError(f"there is no logical unit {lun}")
    events.report_scsi(_connection(target, arguments), lun, sense)
    return ""


def _report_vendor(target: ReferenceTarget, arguments: Arguments) -> str:
    code = _number(arguments, "code", 0, maximum=0xFF)
    connection = _connection(target, arguments)
    events.send(connection, AsyncEvent.VENDOR, vcode=code)
    return ""


def _cut(target: ReferenceTarget, arguments: Arguments) -> str:
    _connection(target, arguments).drop()
    return ""


def _take_offline(target: ReferenceTarget, arguments: Arguments) -> str:
    node = _node(target, arguments)
    node.config = replace(node.config, is_online=False)
    return ""


def _remove(target: ReferenceTarget, arguments: Arguments) -> str:
    node = _node(target, arguments)
    node.config = replace(node.config, is_removed=True)
    for session in node.sessions():
        session.drop()
    return ""


def _bring_back(target: ReferenceTarget, arguments: Arguments) -> str:
    node = _node(target, arguments)
    node.config = replace(node.config, is_online=True, is_removed=False)
    return ""


def _unit(target: ReferenceTarget, arguments: Arguments) -> LogicalUnit:
    lun = _number(arguments, "lun", 0, maximum=_LUN)
    unit = _node(target, arguments).device.units.get(lun)
    if unit is None:
        raise ControlError(f"there is no logical unit {lun}")
    return unit


def _group(unit: LogicalUnit, arguments: Arguments) -> int:
    group = _number(arguments, "group", 1)
    if group not in unit.port_groups:
        raise ControlError(f"there is no target port group {group}")
    return group


def _add_unit(target: ReferenceTarget, arguments: Arguments) -> str:
    lun = _number(arguments, "lun", 0, maximum=_LUN)
    size = _number(arguments, "size", 64 << 20, maximum=_SIZE)
    try:
        _node(target, arguments).add_unit(LogicalUnitConfig(lun, size=size))
    except ValueError as error:
        raise ControlError(str(error)) from error
    return ""


def _remove_unit(target: ReferenceTarget, arguments: Arguments) -> str:
    lun = _number(arguments, "lun", 0, maximum=_LUN)
    try:
        _node(target, arguments).remove_unit(lun)
    except ValueError as error:
        raise ControlError(str(error)) from error
    return ""


def _resize_unit(target: ReferenceTarget, arguments: Arguments) -> str:
    size = _number(arguments, "size", 64 << 20, maximum=_SIZE)
    try:
        changes.resize(_unit(target, arguments), size)
    except (ValueError, BackingError) as error:
        raise ControlError(str(error)) from error
    return ""


def _protect_unit(target: ReferenceTarget, arguments: Arguments) -> str:
    is_protected = bool(_number(arguments, "on", 1, maximum=1))
    changes.protect(_unit(target, arguments), is_protected=is_protected)
    return ""


def _set_access_state(target: ReferenceTarget, arguments: Arguments) -> str:
    unit = _unit(target, arguments)
    name = arguments.get("state", "").replace("-", "_").upper()
    state = AccessState.__members__.get(name)
    if state is None or state is AccessState.LOGICAL_BLOCK_DEPENDENT:
        raise ControlError(f"{printable(name[:40])} is not an access state")
    access.change_implicitly(unit, _group(unit, arguments), state)
    return ""


def _prefer_group(target: ReferenceTarget, arguments: Arguments) -> str:
    unit = _unit(target, arguments)
    is_preferred = bool(_number(arguments, "on", 1, maximum=1))
    unit.port_groups.set_preference(_group(unit, arguments), is_preferred=is_preferred)
    return ""


def _fail_access_change(target: ReferenceTarget, arguments: Arguments) -> str:
    access.fail_transition(_unit(target, arguments))
    return ""


def _bound_logins(target: ReferenceTarget, arguments: Arguments) -> str:
    seconds = float(_number(arguments, "seconds", 15))
    target.limits = replace(target.limits, login_time=seconds)
    return ""


_ACTIONS: Final[dict[str, Action]] = {
    "sessions": _list_sessions,
    "ping": _ping,
    "logout-request": _request_logout,
    "drop-connection": _drop_connection,
    "drop-session": _drop_session,
    "negotiation-request": _request_negotiation,
    "scsi-event": _report_scsi,
    "vendor-event": _report_vendor,
    "cut": _cut,
    "offline": _take_offline,
    "remove": _remove,
    "online": _bring_back,
    "login-time": _bound_logins,
    "add-unit": _add_unit,
    "remove-unit": _remove_unit,
    "resize-unit": _resize_unit,
    "write-protect": _protect_unit,
    "access-state": _set_access_state,
    "access-preference": _prefer_group,
    "access-failure": _fail_access_change,
}
