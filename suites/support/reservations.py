# SPDX-License-Identifier: GPL-2.0-only
"""Persistent reservations: I_T nexuses, their requests, and the visible state."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar

import pytest

from initiator.expect import ConformanceFailure, check
from initiator.session import Session
from initiator.task import Result, Task
from iscsi.errors import DecodeError
from iscsi.scsi import cdb
from iscsi.scsi.layout import Layout
from iscsi.scsi.persistent_reservations import (
    LU_SCOPE,
    Capabilities,
    FullStatus,
    Keys,
    MoveParameters,
    OutParameters,
    OutServiceAction,
    ReservationStatus,
    ReservationType,
)
from iscsi.scsi.sense import AdditionalSense, Sense, SenseKey
from iscsi.scsi.transport_id import TransportID

T = TypeVar("T")

ROOM = 4096
"""The allocation length of lists without a fixed length, in bytes."""

_MOST_ATTENTIONS = 16
_IN_CDB = AdditionalSense.INVALID_FIELD_IN_CDB

_OUT: Mapping[OutServiceAction, Layout] = MappingProxyType(
    {
        OutServiceAction.REGISTER: cdb.persistent_reserve_out_register,
        OutServiceAction.RESERVE: cdb.persistent_reserve_out_reserve,
        OutServiceAction.RELEASE: cdb.persistent_reserve_out_release,
        OutServiceAction.CLEAR: cdb.persistent_reserve_out_clear,
        OutServiceAction.PREEMPT: cdb.persistent_reserve_out_preempt,
        OutServiceAction.PREEMPT_AND_ABORT: (
            cdb.persistent_reserve_out_preempt_and_abort
        ),
        OutServiceAction.REGISTER_AND_IGNORE_EXISTING_KEY: (
            cdb.persistent_reserve_out_register_and_ignore_existing_key
        ),
        OutServiceAction.REGISTER_AND_MOVE: (
            cdb.persistent_reserve_out_register_and_move
        ),
    }
)


@dataclass(slots=True)
class Nexus:
    """An I_T nexus and the key that it is registered with."""

    session: Session
    key: int = 0
    """The registered key; 0 if it is not registered."""

    @property
    def transport_id(self) -> TransportID:
        """Its initiator port."""
        options = self.session.options
        return TransportID(options.initiator_name, options.isid)

    # PERSISTENT RESERVE OUT ------------------------------------------------------

    def out(
        self,
        action: OutServiceAction,
        parameters: OutParameters | MoveParameters | bytes,
        **fields: int,
    ) -> Result:
        """Send PERSISTENT RESERVE OUT; return the result.

        Args:
            action: the service action.
            parameters: the parameter list, or its bytes.
            **fields: further fields of the CDB: scope, type, parameter_list_length.
        """
        result = self.session.finish(self.start(action, parameters, **fields))
        if result.sense and result.sense.additional == _IN_CDB:
            self._skip_without_type(fields.get("type", 0))
        return result

    def _skip_without_type(self, code: int) -> None:
        """Skip if the unit reports that it does not support a type that exists."""
        try:
            reported = self.capabilities()
        except ConformanceFailure:
            return
        if code in set(ReservationType) - reported.types and reported.type_mask_valid:
            name = ReservationType(code).name
            pytest.skip(f"not applicable: the unit does not take {name}")

    def start(
        self,
        action: OutServiceAction,
        parameters: OutParameters | MoveParameters | bytes,
        **fields: int,
    ) -> Task:
        """Send PERSISTENT RESERVE OUT without waiting (see `out`)."""
        data = parameters if isinstance(parameters, bytes) else parameters.build()
        command = _OUT[action](**{"parameter_list_length": len(data), **fields})
        return self.session.start(command, write=data)

    def register(self, key: int, *, own: int | None = None, **flags: Any) -> Result:
        """REGISTER a key; `own` is RESERVATION KEY, by default the right one."""
        parameters = OutParameters(self.key if own is None else own, key, **flags)
        result = self.out(OutServiceAction.REGISTER, parameters)
        if result.is_good:
            self.key = key
        return result

    def register_anyway(self, key: int, *, own: int = 0, **flags: Any) -> Result:
        """REGISTER AND IGNORE EXISTING KEY."""
        action = OutServiceAction.REGISTER_AND_IGNORE_EXISTING_KEY
        result = self.out(action, OutParameters(own, key, **flags))
        if result.is_good:
            self.key = key
        return result

    def reserve(self, kind: int, *, own: int | None = None, scope: int = 0) -> Result:
        """RESERVE a type."""
        parameters = OutParameters(self.key if own is None else own)
        return self.out(OutServiceAction.RESERVE, parameters, type=kind, scope=scope)

    def release(self, kind: int, *, own: int | None = None, scope: int = 0) -> Result:
        """RELEASE a type."""
        parameters = OutParameters(self.key if own is None else own)
        return self.out(OutServiceAction.RELEASE, parameters, type=kind, scope=scope)

    def clear(self, *, own: int | None = None) -> Result:
        """CLEAR all."""
        parameters = OutParameters(self.key if own is None else own)
        return self.out(OutServiceAction.CLEAR, parameters)

    def preempt(
        self,
        victim: int,
        kind: int = ReservationType.WRITE_EXCLUSIVE,
        *,
        own: int | None = None,
        aborts: bool = False,
    ) -> Result:
        """PREEMPT, or PREEMPT AND ABORT, the registrations of a key."""
        action = OutServiceAction.PREEMPT
        if aborts:
            action = OutServiceAction.PREEMPT_AND_ABORT
        parameters = OutParameters(self.key if own is None else own, victim)
        return self.out(action, parameters, type=kind)

    def move(self, to: "Nexus", key: int, kind: int, **changes: Any) -> Result:
        """REGISTER AND MOVE the reservation to another nexus under a key."""
        if "relative_target_port" not in changes:
            changes["relative_target_port"] = self.target_port()
        parameters = MoveParameters(
            **{
                "reservation_key": self.key,
                "service_action_reservation_key": key,
                "transport_id": to.transport_id,
                **changes,
            }
        )
        return self.out(OutServiceAction.REGISTER_AND_MOVE, parameters, type=kind)

    # PERSISTENT RESERVE IN -------------------------------------------------------

    def keys(self) -> Keys:
        """READ KEYS."""
        return self._read(cdb.persistent_reserve_in_read_keys, Keys.parse)

    def generation(self) -> int:
        """Return PRGENERATION."""
        return self.keys().generation

    def reservation(self) -> ReservationStatus:
        """READ RESERVATION."""
        return self._read(
            cdb.persistent_reserve_in_read_reservation, ReservationStatus.parse
        )

    def capabilities(self) -> Capabilities:
        """REPORT CAPABILITIES."""
        return self._read(
            cdb.persistent_reserve_in_report_capabilities, Capabilities.parse
        )

    def full_status(self) -> FullStatus:
        """READ FULL STATUS."""
        return self._read(cdb.persistent_reserve_in_read_full_status, FullStatus.parse)

    def target_port(self) -> int:
        """Return the relative port identifier of this nexus, which must be registered.

        Raises:
            ConformanceFailure: READ FULL STATUS does not list this nexus.
        """
        own = self.transport_id
        listed = self.full_status().registrations
        for entry in listed:
            if entry.transport_id == own:
                return entry.relative_target_port
        raise ConformanceFailure(
            f"a registration of {own}",
            ", ".join(str(entry.transport_id) for entry in listed) or "none",
            self.session.transcript,
        )

    def _read(self, layout: Layout, parse: Callable[[bytes], T]) -> T:
        """Return the data of a service action of PERSISTENT RESERVE IN.

        Pending unit attentions are ignored.

        Raises:
            ConformanceFailure: it fails, or its parameter data is malformed.
        """
        for _ in range(_MOST_ATTENTIONS):
            result = self.session.execute(layout(allocation_length=ROOM), read=ROOM)
            sense = result.sense
            if sense is None or sense.key != SenseKey.UNIT_ATTENTION:
                break
        check(result.is_good, f"GOOD for {layout.name}", result)
        try:
            return parse(result.data)
        except DecodeError as error:
            raise ConformanceFailure(
                f"parameter data of {layout.name}", error, self.session.transcript
            ) from error

    # Others ----------------------------------------------------------------------

    def attentions(self) -> list[Sense]:
        """Return the sense data of the pending unit attentions, in order."""
        senses: list[Sense] = []
        for _ in range(_MOST_ATTENTIONS):
            result = self.session.execute(cdb.test_unit_ready())
            sense = result.sense
            if sense is None or sense.key != SenseKey.UNIT_ATTENTION:
                return senses
            senses.append(sense)
        raise ConformanceFailure(
            "an end of the unit attentions",
            ", ".join(map(str, senses)),
            self.session.transcript,
        )


def expect_attentions(
    nexus: Nexus,
    *expected: AdditionalSense,
    permitted: Sequence[AdditionalSense] = (),
) -> None:
    """Expect these unit attentions, in any order, and no others.

    One that ends before its additional sense code counts as one of the expected ones.

    Args:
        nexus: the nexus that must be notified.
        *expected: what must be reported.
        permitted: further unit attentions that are allowed.

    Raises:
        ConformanceFailure: others are reported, or some are missing.
    """
    __tracebackhide__ = True
    senses = nexus.attentions()
    codes = [one.additional for one in senses if not one.is_code_cut_off]
    reported = [one for one in codes if one in expected or one not in permitted]
    missing = [one for one in expected if one not in reported]
    reported += missing[: len(senses) - len(codes)]
    check(
        sorted(map(str, reported)) == sorted(map(str, expected)),
        f"unit attentions: {_named(expected)}",
        _named(reported),
    )


def _named(senses: Sequence[AdditionalSense | None]) -> str:
    return ", ".join(one.name if one else "unknown" for one in senses) or "none"


def expect_state(
    nexus: Nexus,
    *,
    keys: Sequence[int],
    kind: ReservationType | None = None,
    holder: int = 0,
) -> None:
    """Expect these registered keys, and this reservation with its holder's key.

    Raises:
        ConformanceFailure: the unit reports other ones.
    """
    __tracebackhide__ = True
    registered, reservation = nexus.keys(), nexus.reservation()
    listed = sorted(registered.keys)
    check(listed == sorted(keys), f"keys {_hex(sorted(keys))}", _hex(listed))
    actual_type = reservation.type.name if reservation.type else "nothing"
    expected_type = kind.name if kind else "nothing"
    check(
        reservation.type == kind, f"{expected_type} reserved", f"{actual_type} reserved"
    )
    check(
        reservation.reservation_key == holder,
        f"reservation key {holder:#x}",
        f"{reservation.reservation_key:#x}",
    )
    if reservation.type:
        is_right = reservation.scope == LU_SCOPE
        expected, clause = f"SCOPE {LU_SCOPE}", "SPC4-6.15.3-01"
        check(is_right, expected, reservation, requirement=clause, field="SCOPE")


def _hex(keys: Sequence[int]) -> str:
    return ", ".join(f"{key:#x}" for key in keys) or "none"
