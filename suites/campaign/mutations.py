# SPDX-License-Identifier: GPL-2.0-only
"""The random changes that a campaign makes to recorded exchanges.

Each mutation takes the events of a program and returns others.
`suites.campaign.programs` decides which of them may be sent.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from random import Random

from initiator import bundle
from initiator.bundle import Event
from iscsi.constants import BHS_LENGTH, Opcode
from iscsi.pdu.decode import BY_OPCODE
from suites.campaign.programs import (
    MOST_CONNECTIONS,
    Program,
    header_of,
    normalise,
    on,
    renumber,
    with_segments,
)
from suites.support import hostile_text
from suites.support.stimuli import (
    Stimulus,
    ahs_shapes,
    data_lengths,
    field_values,
    names_of_fields,
)

Mutation = Callable[[Random, list[Event], Sequence[Program]], list[Event]]

_MOST_AT_ONCE = 4
_LONG_DATA = 1 << 16
_ISID = slice(8, 14)
_TAG = slice(16, 20)


def mutate(
    random: Random, program: Program, corpus: Sequence[Program], sentinel: int | None
) -> Program:
    """Return a program made of another one, and of parts of others.

    Args:
        random: the generator of random numbers.
        program: the program that is changed.
        corpus: the programs from which parts are taken.
        sentinel: the LUN that nothing may address.
    """
    events = list(program)
    for _ in range(random.randint(1, _MOST_AT_ONCE)):
        mutation = random.choices(_MUTATIONS, _WEIGHTS)[0]
        events = mutation(random, events, corpus)
    changed = normalise(events, sentinel)
    # A wrong number hides the effect of later PDUs, so half of the programs get correct
    # numbers.
    return renumber(changed) if random.random() < 0.5 else changed


def _places(events: Sequence[Event], *kinds: str) -> list[int]:
    chosen_kinds = kinds or (bundle.SENT,)
    return [place for place, one in enumerate(events) if one.kind in chosen_kinds]


def _change_one(
    random: Random, events: list[Event], change: Callable[[bytes, bytes], object]
) -> list[Event]:
    """Return the events with the segments of one PDU changed."""
    places = _places(events)
    if not places:
        return events
    place = random.choice(places)
    event = events[place]
    changed = change(bytes.fromhex(event.header), bytes.fromhex(event.data))
    assert isinstance(changed, tuple)
    events[place] = with_segments(event, *changed)
    return events


# One PDU -----------------------------------------------------------------------------


@cache
def _stimuli(opcode: int) -> tuple[Stimulus, ...]:
    """Return the table of the suite for PDUs of an opcode."""
    layer = BY_OPCODE.get(opcode, BY_OPCODE[int(Opcode.NOP_OUT)])
    values = [
        one for name in names_of_fields(layer) for one in field_values("", layer, name)
    ]
    values += ahs_shapes("")
    values += data_lengths("")
    if opcode in (Opcode.LOGIN_REQUEST, Opcode.TEXT_REQUEST):
        values += hostile_text.malformed_texts("")
        values += hostile_text.values("")
    return tuple(values)


def _by_table(random: Random, events: list[Event], _corpus: object) -> list[Event]:
    def change(header: bytes, data: bytes) -> tuple[bytes, bytes]:
        return random.choice(_stimuli(header[0] & 0x3F)).change((header, data))

    return _change_one(random, events, change)


def _flip(random: Random, events: list[Event], _corpus: object) -> list[Event]:
    """Flip some bits of a header, or of data."""

    def change(header: bytes, data: bytes) -> tuple[bytes, bytes]:
        segments = [bytearray(header), bytearray(data)]
        chosen = random.choice([one for one in segments if one])
        for _ in range(random.choice((1, 1, 2, 8))):
            chosen[random.randrange(len(chosen))] ^= 1 << random.randrange(8)
        return bytes(segments[0]), bytes(segments[1])

    return _change_one(random, events, change)


def _resize(random: Random, events: list[Event], _corpus: object) -> list[Event]:
    """Cut data, repeat it, or announce a wrong length."""

    def change(header: bytes, data: bytes) -> tuple[bytes, bytes]:
        match random.randrange(4):
            case 0:
                changed = data[: random.randrange(len(data) + 1)]
            case 1:
                changed = (data or b"\0") * random.choice((2, 3, 17, 64))
            case 2:
                changed = data + random.randbytes(random.choice((1, 4, 512)))
            case _:
                new_length = random.choice((0, 1, len(data) + 4, 8193, (1 << 24) - 1))
                return header[:5] + new_length.to_bytes(3, "big") + header[8:], data
        changed = changed[:_LONG_DATA]
        length = len(changed).to_bytes(3, "big")
        padding = bytes(-len(changed) % 4)
        return header[:5] + length + header[8:], changed + padding

    return _change_one(random, events, change)


def _tag_of_another(
    random: Random, events: list[Event], _corpus: object
) -> list[Event]:
    """Give a PDU the task tag of another one."""
    tags = [header_of(events[place])[_TAG] for place in _places(events)]

    def change(header: bytes, data: bytes) -> tuple[bytes, bytes]:
        return header[:16] + random.choice(tags) + header[20:], data

    return _change_one(random, events, change)


def _corrupt_digest(
    random: Random, events: list[Event], _corpus: object
) -> list[Event]:
    places = _places(events)
    if places:
        place = random.choice(places)
        value = random.choice(("", bundle.RIGHT, random.randbytes(4).hex()))
        event = events[place]
        if random.random() < 0.5:
            events[place] = replace(event, header_digest=value)
        else:
            events[place] = replace(event, data_digest=value)
    return events


# The order of PDUs -------------------------------------------------------------------


def _double(random: Random, events: list[Event], _corpus: object) -> list[Event]:
    """Send a PDU again, at once or later, one or more times."""
    places = _places(events)
    if places:
        place = random.choice(places)
        at = random.randrange(place, len(events)) + 1
        events[at:at] = [events[place]] * random.choice((1, 1, 2, 8))
    return events


def _leave_out(random: Random, events: list[Event], _corpus: object) -> list[Event]:
    """Leave out a few events: PDUs, or the wait for an answer."""
    at = random.randrange(len(events) + 1)
    del events[at : at + random.choice((1, 1, 2, 4))]
    return events


def _move(random: Random, events: list[Event], _corpus: object) -> list[Event]:
    """Send a PDU at another time."""
    places = _places(events)
    if places:
        event = events.pop(random.choice(places))
        events.insert(random.randrange(len(events) + 1), event)
    return events


def _skip_waits(random: Random, events: list[Event], _corpus: object) -> list[Event]:
    """Skip the answers after a place, so that PDUs queue in the target's buffer."""
    at = random.randrange(len(events) + 1)
    return events[:at] + [one for one in events[at:] if one.kind != bundle.RECEIVED]


# Connections -------------------------------------------------------------------------


def _cut(random: Random, events: list[Event], _corpus: object) -> list[Event]:
    """End TCP within a PDU, or leave a part of one out."""
    places = _places(events)
    if not places:
        return events
    place = random.choice(places)
    event = events[place]
    wire = bytes.fromhex(event.header) + bytes.fromhex(event.data)
    limit = random.choice((BHS_LENGTH, len(wire)))
    part = wire[: random.randrange(1, limit + 1)]
    events[place] = Event(bundle.RAW, event.connection, raw=part.hex())
    end = random.choice((bundle.RESET, bundle.HALF_CLOSED, bundle.CLOSED, ""))
    if end:
        events.insert(place + 1, Event(end, event.connection))
    return events


def _end(random: Random, events: list[Event], _corpus: object) -> list[Event]:
    """End a connection at any time."""
    places = _places(events)
    if places:
        place = random.choice(places)
        kind = random.choice((bundle.RESET, bundle.CLOSED, bundle.HALF_CLOSED))
        events.insert(place + 1, Event(kind, events[place].connection))
    return events


def _move_over(random: Random, events: list[Event], _corpus: object) -> list[Event]:
    """Send a PDU on another connection of the program."""
    numbers = sorted({one.connection for one in events})
    places = _places(events)
    if places and len(numbers) > 1:
        place = random.choice(places)
        events[place] = on(random.choice(numbers), events[place])
    return events


def _beside(random: Random, events: Sequence[Event], other: Program) -> list[Event]:
    """Return another program's events on connections of their own.

    They are of another session half of the time, else they reinstate the first.
    """
    shift = max((one.connection for one in events), default=0)
    port = random.randbytes(2) if random.random() < 0.5 else b""
    result = []
    for event in other:
        moved = on(event.connection + shift, event)
        header = header_of(event) if event.kind == bundle.SENT else b""
        if port and header and header[0] & 0x3F == Opcode.LOGIN_REQUEST:
            isid = header[_ISID][:4] + port
            changed = header[:8] + isid + header[14:]
            moved = replace(moved, header=changed.hex())
        result.append(moved)
    return result


def _splice(
    random: Random, events: list[Event], corpus: Sequence[Program]
) -> list[Event]:
    """Continue with the rest of another program, on the connections of this one."""
    other = random.choice(corpus)
    at, from_ = random.randrange(len(events) + 1), random.randrange(len(other) + 1)
    return events[:at] + list(other[from_:])


def _interleave(
    random: Random, events: list[Event], corpus: Sequence[Program]
) -> list[Event]:
    """Send another program at the same time."""
    if len({one.connection for one in events}) >= MOST_CONNECTIONS:
        return events
    others = _beside(random, events, random.choice(corpus))
    changed: list[Event] = []
    while events and others:
        source = events if random.random() < 0.5 else others
        count = random.choice((1, 2, 4))
        changed += source[:count]
        del source[:count]
    return changed + events + others


_TABLE: tuple[tuple[Mutation, int], ...] = (
    (_by_table, 6),
    (_flip, 4),
    (_resize, 2),
    (_tag_of_another, 2),
    (_corrupt_digest, 1),
    (_double, 3),
    (_leave_out, 3),
    (_move, 2),
    (_skip_waits, 2),
    (_cut, 2),
    (_end, 2),
    (_move_over, 1),
    (_splice, 3),
    (_interleave, 3),
)
_MUTATIONS = [mutation for mutation, _ in _TABLE]
_WEIGHTS = [weight for _, weight in _TABLE]
