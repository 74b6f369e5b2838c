# SPDX-License-Identifier: GPL-2.0-only
"""PERSISTENT RESERVE IN and OUT parameter data, both ways."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iscsi.errors import DecodeError
from iscsi.scsi.persistent_reservations import (
    Capabilities,
    FullStatus,
    FullStatusDescriptor,
    Keys,
    MoveParameters,
    OutParameters,
    ReservationStatus,
    ReservationType,
)
from iscsi.scsi.transport_id import TransportID, iterate

KEY = 0x0123456789ABCDEF
ISID = bytes.fromhex("400001370000")
NAME = "iqn.2007-10.com.github:sahlberg:libiscsi:iscsi-test"

keys = st.integers(0, 2**64 - 1)
names = st.from_regex(r"iqn\.2001-04\.com\.example:[a-z0-9.\-]{0,150}", fullmatch=True)
transport_ids = st.builds(
    TransportID, names, st.none() | st.binary(min_size=6, max_size=6)
)


@pytest.mark.parametrize(
    ("transport_id", "wire"),
    [
        (
            TransportID("iqn.2001-04.com.example"),
            b"\x05\0\0\x18iqn.2001-04.com.example\0",
        ),
        # A name that is a multiple of four still gets its null.
        (
            TransportID("iqn.2001-04.com.example1"),
            b"\x05\0\0\x1ciqn.2001-04.com.example1\0\0\0\0",
        ),
        # ADDITIONAL LENGTH is 20 at the least.
        (
            TransportID("iqn.2001-04.a"),
            b"\x05\0\0\x14iqn.2001-04.a\0\0\0\0\0\0\0",
        ),
        (
            TransportID("iqn.2001-04.a", ISID),
            b"\x45\0\0\x20iqn.2001-04.a,i,0x400001370000\0\0",
        ),
    ],
)
def test_transport_id_is_terminated_and_padded(
    transport_id: TransportID, wire: bytes
) -> None:
    assert transport_id.build() == wire
    assert TransportID.parse(wire) == transport_id


@given(st.lists(transport_ids, max_size=4))
def test_transport_ids_round_trip(several: list[TransportID]) -> None:
    assert iterate(b"".join(each.build() for each in several)) == several


GOOD_ID = TransportID(NAME, ISID).build()


@pytest.mark.parametrize(
    ("wire", "field"),
    [
        (b"", "TRANSPORTID"),
        (GOOD_ID * 2, "TRANSPORTID"),
        (GOOD_ID[:3], "TRANSPORTID"),
        (GOOD_ID[:-4], "ADDITIONAL LENGTH"),
        (b"\x46" + GOOD_ID[1:], "PROTOCOL IDENTIFIER"),
        (b"\x85" + GOOD_ID[1:], "TPID FORMAT"),
        (b"\x05\0\0\x10iqn.2001-04.a\0\0\0", "ADDITIONAL LENGTH"),
        (b"\x05\0\0\x15iqn.2001-04.a\0\0\0\0\0\0\0\0", "ADDITIONAL LENGTH"),
        (b"\x05\0\0\x14iqn.2001-04.abcdefgh", "ISCSI NAME"),
        (b"\x05\0\0\x14iqn.2001-04.a\0\0\0x\0\0\0", "ISCSI NAME"),
        (b"\x05\0\0\x14iqn.2001-04.\xff\0\0\0\0\0\0\0", "ISCSI NAME"),
        (b"\x05\0\0\x14" + bytes(20), "ISCSI NAME"),
        (b"\x05\0\0\xe4" + b"a" * 224 + bytes(4), "ISCSI NAME"),
        (b"\x45\0\0\x14iqn.2001-04.a\0\0\0\0\0\0\0", "ISID"),
        (b"\x45\0\0\x18iqn.2001-04.a,i,0x4x\0\0\0\0", "ISID"),
        (b"\x45\0\0\x20iqn.2001-04.a,i,0x1234567890abc\0", "ISID"),
    ],
)
def test_malformed_transport_id_is_refused(wire: bytes, field: str) -> None:
    with pytest.raises(DecodeError) as error:
        TransportID.parse(wire)

    assert error.value.field == field


@given(st.integers(0, 2**32 - 1), st.lists(keys, max_size=5))
def test_read_keys_round_trips(generation: int, several: list[int]) -> None:
    data = Keys(generation, tuple(several))

    assert len(data.build()) == 8 + 8 * len(several)
    assert Keys.parse(data.build()) == data


@pytest.mark.parametrize("kind", ReservationType)
def test_read_reservation_round_trips(kind: ReservationType) -> None:
    data = ReservationStatus(7, kind, KEY)
    wire = data.build()

    assert wire == (
        b"\0\0\0\x07\0\0\0\x10"
        + KEY.to_bytes(8, "big")
        + bytes(5)
        + bytes([kind, 0, 0])
    )
    assert ReservationStatus.parse(wire) == data


def test_read_reservation_of_nothing_is_a_header() -> None:
    wire = ReservationStatus(7).build()

    assert wire == b"\0\0\0\x07\0\0\0\0"
    assert ReservationStatus.parse(wire) == ReservationStatus(7)


def test_report_capabilities_has_its_bits_in_place() -> None:
    full = Capabilities(
        replace_lost_reservation_capable=True,
        compatible_reservation_handling=True,
        specify_initiator_ports_capable=True,
        all_target_ports_capable=True,
        persist_through_power_loss_capable=True,
        allow_commands=3,
        persist_through_power_loss_activated=True,
    )

    assert full.build() == bytes.fromhex("0008 9d b1 ea01 0000")
    assert Capabilities.parse(full.build()) == full


@pytest.mark.parametrize(
    ("kind", "mask"),
    [
        (ReservationType.WRITE_EXCLUSIVE, "0200"),
        (ReservationType.EXCLUSIVE_ACCESS, "0800"),
        (ReservationType.WRITE_EXCLUSIVE_REGISTRANTS_ONLY, "2000"),
        (ReservationType.EXCLUSIVE_ACCESS_REGISTRANTS_ONLY, "4000"),
        (ReservationType.WRITE_EXCLUSIVE_ALL_REGISTRANTS, "8000"),
        (ReservationType.EXCLUSIVE_ACCESS_ALL_REGISTRANTS, "0001"),
    ],
)
def test_each_type_has_its_bit(kind: ReservationType, mask: str) -> None:
    data = Capabilities(types=frozenset({kind}))

    assert data.build()[4:6].hex() == mask
    assert Capabilities.parse(data.build()) == data


@given(
    st.lists(
        st.builds(
            FullStatusDescriptor,
            keys,
            transport_ids,
            st.integers(0, 2**16 - 1),
            st.booleans(),
            is_holder=st.just(value=True),
            type=st.sampled_from(ReservationType),
        )
        | st.builds(
            FullStatusDescriptor, keys, transport_ids, st.integers(0, 2**16 - 1)
        ),
        max_size=3,
    )
)
def test_read_full_status_round_trips(several: list[FullStatusDescriptor]) -> None:
    data = FullStatus(1, tuple(several))

    assert FullStatus.parse(data.build()) == data


FULL_STATUS = FullStatus(1, (FullStatusDescriptor(KEY, TransportID(NAME, ISID), 1),))


@pytest.mark.parametrize(
    ("parse", "wire"),
    [
        (Keys.parse, Keys(1, (KEY, KEY)).build()),
        (
            ReservationStatus.parse,
            ReservationStatus(1, ReservationType.EXCLUSIVE_ACCESS, KEY).build(),
        ),
        (FullStatus.parse, FULL_STATUS.build()),
    ],
    ids=["keys", "reservation", "full status"],
)
def test_data_cut_short_is_refused(
    parse: Callable[[bytes], object], wire: bytes
) -> None:
    for length in range(len(wire)):
        with pytest.raises(DecodeError):
            parse(wire[:length])


def test_full_status_descriptor_cut_short_is_refused() -> None:
    with pytest.raises(DecodeError):
        FullStatus.parse(b"\0\0\0\0\0\0\0\x18" + bytes(23) + b"\x18")


def test_reserved_type_is_refused() -> None:
    wire = bytearray(ReservationStatus(1, ReservationType.EXCLUSIVE_ACCESS).build())
    wire[21] = 2

    with pytest.raises(DecodeError):
        ReservationStatus.parse(bytes(wire))


def test_basic_list_has_its_fields_in_place() -> None:
    parameters = OutParameters(
        KEY, 1, all_target_ports=True, activate_persist_through_power_loss=True
    )
    wire = KEY.to_bytes(8, "big") + bytes(7) + b"\x01" + bytes(4) + b"\x05\0\0\0"

    assert parameters.build() == wire
    assert OutParameters.parse(wire) == parameters


@given(st.lists(transport_ids, max_size=3))
def test_additional_transport_ids_round_trip(several: list[TransportID]) -> None:
    parameters = OutParameters(
        0, KEY, specify_initiator_ports=True, transport_ids=tuple(several)
    )

    assert parameters.build()[20] == 0x08
    assert OutParameters.parse(parameters.build()) == parameters


@pytest.mark.parametrize("length", [0, 23, 24, 27, 28, 60])
def test_basic_list_cut_short_is_refused(length: int) -> None:
    wire = OutParameters(
        0, KEY, specify_initiator_ports=True, transport_ids=(TransportID(NAME, ISID),)
    ).build()

    with pytest.raises(DecodeError):
        OutParameters.parse(wire[:length])


@given(keys, keys, transport_ids, st.integers(0, 2**16 - 1), st.booleans())
def test_register_and_move_round_trips(
    key: int, new_key: int, transport_id: TransportID, port: int, flag: bool
) -> None:
    parameters = MoveParameters(key, new_key, transport_id, port, flag, not flag)
    wire = parameters.build()

    assert wire[17] == (0b10 if flag else 0b01)
    assert wire[18:20] == port.to_bytes(2, "big")
    assert MoveParameters.parse(wire) == parameters


@pytest.mark.parametrize("length", [0, 23, 24, 60])
def test_register_and_move_cut_short_is_refused(length: int) -> None:
    wire = MoveParameters(KEY, KEY, TransportID(NAME, ISID), 1).build()

    with pytest.raises(DecodeError):
        MoveParameters.parse(wire[:length])
