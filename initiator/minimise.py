# SPDX-License-Identifier: GPL-2.0-only
"""Shortens a bundle by removing whole tasks, as long as the outcome stays.

A task consists of the PDUs with one Initiator Task Tag on one connection. Later PDUs
are renumbered, so that a removed task leaves no gap in CmdSN or StatSN.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from initiator.bundle import RECEIVED, SENT, Bundle, Event
from initiator.core import advances_stat_sn
from iscsi import serial
from iscsi.constants import RESERVED_TAG
from iscsi.pdu import LoginRequest, LoginResponse

Task = tuple[int, int]
"""A connection and an Initiator Task Tag."""


def minimise(bundle: Bundle, shows: Callable[[Bundle], bool]) -> Bundle:
    """Return the shortest bundle found that still has the outcome of the whole one.

    Logins stay, and so does the last task, which is the one that failed.

    Args:
        bundle: the bundle.
        shows: replays a bundle, and returns whether it still has the outcome.
    """
    removable = tasks(bundle)[:-1]
    size = max(1, len(removable) // 2)
    current = bundle
    while removable:
        for start in range(0, len(removable), size):
            shorter = without(current, removable[start : start + size])
            if shows(shorter):
                current, removable = (
                    shorter,
                    removable[:start] + removable[start + size :],
                )
                break
        else:
            if size == 1:
                return current
            size = max(1, size // 2)
    return current


def tasks(bundle: Bundle) -> list[Task]:
    """Return the tasks that may be left out, in the order of their requests."""
    removable: dict[Task, None] = {}
    for event in bundle.events:
        if event.kind == SENT and not isinstance(event.pdu, LoginRequest):
            task = _task(event)
            if task is not None:
                removable[task] = None
    return list(removable)


def without(bundle: Bundle, dropped: Iterable[Task]) -> Bundle:
    """Return a bundle without some tasks, with later PDUs renumbered."""
    removed = set(dropped)
    commands, statuses = 0, dict.fromkeys((e.connection for e in bundle.events), 0)
    events = []
    for event in bundle.events:
        if not event.is_pdu:
            events.append(event)
            continue
        pdu = event.pdu
        is_login = isinstance(pdu, LoginRequest | LoginResponse)
        if not is_login and _task(event) in removed:
            if event.kind == SENT:
                commands += "cmd_sn" in pdu.fields and not pdu.immediate
            else:
                statuses[event.connection] += advances_stat_sn(pdu)
            continue
        shifts = {
            "cmd_sn": commands,
            "ref_cmd_sn": commands,
            "exp_cmd_sn": commands,
            "max_cmd_sn": commands,
            "stat_sn": statuses[event.connection],
            "exp_stat_sn": statuses[event.connection],
        }
        events.append(event if is_login else _shifted(event, shifts))
    return replace(bundle, events=tuple(events))


def _task(event: Event) -> Task | None:
    pdu = event.pdu
    tag = pdu.fields.get("initiator_task_tag")
    if tag is None or tag == RESERVED_TAG or event.kind not in (SENT, RECEIVED):
        return None
    return event.connection, tag


def _shifted(event: Event, shifts: dict[str, int]) -> Event:
    pdu = event.pdu
    changes = {name: by for name, by in shifts.items() if by and name in pdu.fields}
    if not changes:
        return event
    for name, by in changes.items():
        setattr(pdu, name, serial.add(getattr(pdu, name), -by))
    return replace(event, header=pdu.segments()[0].hex())


def count(events: Sequence[Event]) -> int:
    """Return how many PDUs are sent."""
    return sum(event.kind == SENT for event in events)
