# SPDX-License-Identifier: GPL-2.0-only
"""Random histories of reservations against a naive model of SPC-4's prose.

The model keeps plain dictionaries and answers each command by walking through the
clause, nexus by nexus; it shares nothing with the manager but the enums.
"""

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from iscsi.scsi.persistent_reservations import (
    MoveParameters,
    OutParameters,
    OutServiceAction,
    ReservationType,
)
from iscsi.scsi.reservation_conflicts import Access
from iscsi.scsi.sense import AdditionalSense
from iscsi.scsi.transport_id import TransportID
from reftarget.scsi.task import Nexus
from tests.reftarget.scsi.reservation_bench import (
    CONFLICT,
    GOOD,
    IN_CDB,
    IN_LIST,
    PREEMPTED,
    RELEASED,
    REMOVED,
    Answer,
    Unit,
    nexus,
)

NEXUSES = [nexus(1), nexus(2), nexus(3), nexus(1, 2)]
WRITE_EXCLUSIVE = {1, 5, 7}
SHARED = {5, 6, 7, 8}
ALL_REGISTRANTS = {7, 8}
Notified = set[tuple[Nexus, AdditionalSense]]


@dataclass
class Model:
    keys: dict[Nexus, int] = field(default_factory=dict)
    kind: int = 0
    holder: Nexus | None = None
    generation: int = 0
    notified: Notified = field(default_factory=set)

    def holds(self, who: Nexus) -> bool:
        if self.kind in ALL_REGISTRANTS:
            return who in self.keys
        return bool(self.kind) and self.holder == who

    def free(self) -> None:
        self.kind, self.holder = 0, None

    def take(self, who: Nexus, kind: int) -> None:
        self.kind = kind
        self.holder = None if kind in ALL_REGISTRANTS else who

    def notify(self, but: Nexus, what: AdditionalSense) -> None:
        self.notified |= {(each, what) for each in self.keys if each != but}

    def register(self, who: Nexus, key: int, new: int, *, ignore: bool) -> Answer:
        if not ignore and key != self.keys.get(who, 0):
            return CONFLICT
        if who not in self.keys and not new:
            return GOOD
        self.generation += 1
        if new:
            self.keys[who] = new
            return GOOD
        held = self.holds(who)
        del self.keys[who]
        if held and self.kind in ALL_REGISTRANTS and not self.keys:
            self.free()
        elif held and self.kind not in ALL_REGISTRANTS:
            if self.kind in SHARED:
                self.notify(who, RELEASED)
            self.free()
        return GOOD

    def reserve(self, who: Nexus, key: int, kind: int) -> Answer:
        if self.keys.get(who) != key:
            return CONFLICT
        if not self.kind:
            self.take(who, kind)
            return GOOD
        return GOOD if self.holds(who) and self.kind == kind else CONFLICT

    def release(self, who: Nexus, key: int, kind: int) -> Answer:
        if self.keys.get(who) != key:
            return CONFLICT
        if not self.holds(who):
            return GOOD
        if self.kind != kind:
            return AdditionalSense.INVALID_RELEASE_OF_PERSISTENT_RESERVATION
        if self.kind in SHARED:
            self.notify(who, RELEASED)
        self.free()
        return GOOD

    def clear(self, who: Nexus, key: int) -> Answer:
        if self.keys.get(who) != key:
            return CONFLICT
        self.notify(who, PREEMPTED)
        self.keys.clear()
        self.free()
        self.generation += 1
        return GOOD

    def preempt(self, who: Nexus, key: int, victim: int, kind: int) -> Answer:
        if self.keys.get(who) != key:
            return CONFLICT
        if not victim and self.kind not in ALL_REGISTRANTS:
            return IN_LIST
        if victim and victim not in self.keys.values():
            return CONFLICT
        is_holders = self.holder is not None and self.keys[self.holder] == victim
        takes_over = is_holders or not victim
        self.generation += 1
        for each in list(self.keys):
            if victim in {0, self.keys[each]} and not (takes_over and each == who):
                del self.keys[each]
                if each != who:
                    self.notified.add((each, REMOVED))
        if takes_over:
            if kind != self.kind:
                self.notify(who, RELEASED)
            self.take(who, kind)
        elif not self.keys:
            self.free()
        return GOOD

    def move(self, who: Nexus, key: int, new: int, to: Nexus, *, unreg: bool) -> Answer:
        if self.keys.get(who) != key:
            return CONFLICT
        if not self.kind:
            return IN_CDB
        if self.kind in ALL_REGISTRANTS or self.holder != who:
            return CONFLICT
        if not new or to.initiator_name == who.initiator_name:
            return IN_LIST
        self.keys[to] = new
        self.holder = to
        if unreg:
            del self.keys[who]
        self.generation += 1
        return GOOD

    def may(self, who: Nexus, access: Access) -> bool:
        if not self.kind or self.holds(who):
            return True
        if self.kind in SHARED and who in self.keys:
            return True
        if access is Access.WRITE:
            return False
        return access is not Access.READ or self.kind in WRITE_EXCLUSIVE


nexuses = st.sampled_from(NEXUSES)
# Few values, so that several nexuses use the same one.
keys = st.integers(0, 3)
kinds = st.sampled_from(ReservationType)


class ReservationMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.unit = Unit()
        self.model = Model()

    def guess(self, who: Nexus, key: int | None) -> int:
        """Return the key drawn, or the right one: most commands should work."""
        return self.model.keys.get(who, 0) if key is None else key

    @initialize(
        registered=st.lists(keys, min_size=4, max_size=4), holder=nexuses, kind=kinds
    )
    def begin(
        self, registered: list[int], holder: Nexus, kind: ReservationType
    ) -> None:
        for who, new in zip(NEXUSES, registered, strict=True):
            self.register(who, None, new, ignore=False)
        self.reserve(holder, None, kind)

    @rule(who=nexuses, key=st.none() | keys, new=keys, ignore=st.booleans())
    def register(self, who: Nexus, key: int | None, new: int, ignore: bool) -> None:
        action = (
            OutServiceAction.REGISTER_AND_IGNORE_EXISTING_KEY
            if ignore
            else OutServiceAction.REGISTER
        )
        guess = self.guess(who, key)
        expected = self.model.register(who, guess, new, ignore=ignore)

        assert self.unit.out(who, action, OutParameters(guess, new)) is expected

    @rule(who=nexuses, key=st.none() | keys, kind=kinds)
    def reserve(self, who: Nexus, key: int | None, kind: ReservationType) -> None:
        guess = self.guess(who, key)
        expected = self.model.reserve(who, guess, kind)
        parameters = OutParameters(guess)

        assert (
            self.unit.out(who, OutServiceAction.RESERVE, parameters, kind) is expected
        )

    @rule(who=nexuses, key=st.none() | keys, kind=st.none() | kinds)
    def release(
        self, who: Nexus, key: int | None, kind: ReservationType | None
    ) -> None:
        guess = self.guess(who, key)
        held = kind or self.model.kind or ReservationType.WRITE_EXCLUSIVE
        expected = self.model.release(who, guess, held)
        parameters = OutParameters(guess)

        assert (
            self.unit.out(who, OutServiceAction.RELEASE, parameters, held) is expected
        )

    @precondition(lambda self: self.model.kind)
    @rule()
    def release_reservation(self) -> None:
        holder = self.model.holder or next(iter(self.model.keys))
        self.release(holder, None, None)

    @rule(who=nexuses, key=st.none() | keys)
    def clear(self, who: Nexus, key: int | None) -> None:
        guess = self.guess(who, key)
        expected = self.model.clear(who, guess)

        assert self.unit.out(who, OutServiceAction.CLEAR, OutParameters(guess)) is (
            expected
        )

    @rule(who=nexuses, key=st.none() | keys, victim=keys, kind=kinds)
    def preempt(
        self, who: Nexus, key: int | None, victim: int, kind: ReservationType
    ) -> None:
        guess = self.guess(who, key)
        expected = self.model.preempt(who, guess, victim, kind)
        parameters = OutParameters(guess, victim)

        assert (
            self.unit.out(who, OutServiceAction.PREEMPT, parameters, kind) is expected
        )

    @rule(who=nexuses, key=st.none() | keys, new=keys, to=nexuses, unreg=st.booleans())
    def move(
        self, who: Nexus, key: int | None, new: int, to: Nexus, unreg: bool
    ) -> None:
        guess = self.guess(who, key)
        expected = self.model.move(who, guess, new, to, unreg=unreg)
        parameters = MoveParameters(
            guess,
            new,
            TransportID(to.initiator_name, to.isid),
            to.target_portal_group_tag,
            unreg,
        )

        assert self.unit.out(who, OutServiceAction.REGISTER_AND_MOVE, parameters) is (
            expected
        )

    @rule(who=nexuses)
    def lose_nexus_and_reset(self, who: Nexus) -> None:
        self.unit.manager.nexus_lost(who)
        self.unit.manager.logical_unit_reset()

    @invariant()
    def same_state(self) -> None:
        state = self.unit.manager.state
        assert dict(state.registrations) == self.model.keys
        assert state.generation == self.model.generation
        reservation = state.reservation
        assert (reservation.type if reservation else 0) == self.model.kind
        assert (reservation.holder if reservation else None) == self.model.holder

    @invariant()
    def same_attentions(self) -> None:
        notices, self.model.notified = self.model.notified, set()
        assert self.unit.new_attentions() == notices

    @invariant()
    def same_access(self) -> None:
        for who in NEXUSES:
            for access in (Access.FREE, Access.READY, Access.READ, Access.WRITE):
                assert self.unit.manager.allows(who, access) is self.model.may(
                    who, access
                )


TestReservations = ReservationMachine.TestCase
TestReservations.settings = settings(
    max_examples=300, stateful_step_count=8, deadline=None
)
