# SPDX-License-Identifier: GPL-2.0-only
"""Target port groups on the wire."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iscsi.errors import DecodeError
from iscsi.scsi import cdb
from iscsi.scsi.layout import Layout
from iscsi.scsi.port_groups import (
    AccessState,
    PortGroup,
    ReportFormat,
    StatusCode,
    build_report,
    build_states,
    is_served,
    parse_report,
    parse_states,
)

_SUPPORTED = frozenset({AccessState.OPTIMIZED, AccessState.STANDBY})
_GROUP = PortGroup(
    0x102, AccessState.STANDBY, (1, 0x203), _SUPPORTED, True, StatusCode.EXPLICIT
)
# SPC-4 tables 311 and 312, by hand.
_DESCRIPTOR = bytes.fromhex("82050102000100020000000100000203")

groups = st.builds(
    PortGroup,
    st.integers(0, 0xFFFF),
    st.sampled_from(AccessState),
    st.lists(st.integers(0, 0xFFFF), max_size=4).map(tuple),
    st.frozensets(st.sampled_from(AccessState)),
    st.booleans(),
    st.sampled_from(StatusCode),
)


def test_a_descriptor_has_its_bytes() -> None:
    assert _GROUP.build() == _DESCRIPTOR
    assert build_report([_GROUP]) == bytes.fromhex("00000010") + _DESCRIPTOR
    extended = bytes.fromhex("0000001410070000") + _DESCRIPTOR
    assert build_report([_GROUP], transition_time=7) == extended


@given(st.lists(groups, max_size=5), st.booleans())
def test_what_is_built_is_read(several: list[PortGroup], is_extended: bool) -> None:
    data = build_report(several, transition_time=0 if is_extended else None)

    report = parse_report(data, is_extended=is_extended)

    assert list(report.groups) == several
    assert report.length == len(data) - 4
    expected = ReportFormat.EXTENDED if is_extended else ReportFormat.SHORT
    assert report.format == expected


@given(st.lists(groups, min_size=1, max_size=3), st.data())
def test_cut_reports_are_refused(several: list[PortGroup], draw: st.DataObject) -> None:
    data = build_report(several)
    length = draw.draw(st.integers(0, len(data) - 1))
    with pytest.raises(DecodeError):
        parse_report(data[:length])


def test_a_count_beyond_the_data_is_refused() -> None:
    data = bytearray(build_report([_GROUP]))
    data[11] = 3
    with pytest.raises(DecodeError, match="TARGET PORT COUNT 3"):
        parse_report(bytes(data))


def test_states_are_built_and_read() -> None:
    states = [(1, AccessState.STANDBY), (0x0203, AccessState.OPTIMIZED)]
    data = build_states(states)
    assert data == bytes.fromhex("000000000200000100000203")
    assert parse_states(data) == states


@pytest.mark.parametrize("length", [0, 1, 3, 5, 7, 9])
def test_cut_states_are_refused(length: int) -> None:
    with pytest.raises(DecodeError):
        parse_states(bytes(length))


@pytest.mark.parametrize(
    ("state", "served", "refused"),
    [
        (AccessState.OPTIMIZED, cdb.write_10, None),
        (AccessState.NON_OPTIMIZED, cdb.write_10, None),
        (AccessState.LOGICAL_BLOCK_DEPENDENT, cdb.read_10, None),
        (AccessState.STANDBY, cdb.mode_sense_6, cdb.read_10),
        (AccessState.STANDBY, cdb.persistent_reserve_out_clear, cdb.test_unit_ready),
        (AccessState.UNAVAILABLE, cdb.set_target_port_groups, cdb.mode_sense_6),
        (
            AccessState.TRANSITIONING,
            cdb.report_target_port_groups,
            cdb.set_target_port_groups,
        ),
        (AccessState.OFFLINE, None, cdb.inquiry),
    ],
)
def test_states_serve_their_commands(
    state: AccessState,
    served: Layout | None,
    refused: Layout | None,
) -> None:
    assert served is None or is_served(state, served)
    assert refused is None or not is_served(state, refused)
