# SPDX-License-Identifier: GPL-2.0-only
"""Data-In PDUs of a read (RFC 7143 section 11.7)."""

import pytest

from initiator.expect import check
from initiator.session import Session
from iscsi.constants import RESERVED_TAG
from iscsi.pdu import SCSICommand, SCSIResponse
from suites.plugins.sessions import Disk, OpenSession
from suites.support.data import KIB, read, sequences

LENGTHS = {
    "smallest": {"MaxRecvDataSegmentLength": "512", "MaxBurstLength": "512"},
    "odd": {"MaxRecvDataSegmentLength": "1021", "MaxBurstLength": "5000"},
    "segment-over-burst": {
        "MaxRecvDataSegmentLength": "65536",
        "MaxBurstLength": "8192",
        "FirstBurstLength": "8192",
    },
    "default": {"MaxRecvDataSegmentLength": "8192", "MaxBurstLength": "262144"},
    "large": {"MaxRecvDataSegmentLength": "16777215", "MaxBurstLength": "16777215"},
}
READ_LENGTH = 40 * KIB


@pytest.fixture(params=LENGTHS)
def reader(request: pytest.FixtureRequest, open_session: OpenSession) -> Session:
    """Sessions with different lengths of segments and bursts."""
    keys = dict(LENGTHS[request.param])
    keys.setdefault("FirstBurstLength", "512")
    keys["ErrorRecoveryLevel"] = "0"
    return open_session(keys)


@pytest.mark.requirement("RFC7143-11.7.1-02", "RFC7143-13.12-i01")
def test_segments_fit_the_initiator(reader: Session, disk: Disk) -> None:
    """No Data-In is longer than the initiator's MaxRecvDataSegmentLength."""
    result = read(reader, disk, READ_LENGTH)

    limit = reader.parameters.initiator_max_recv_data_segment_length
    longest = max(len(pdu.data) for pdu in result.data_ins)
    check(longest <= limit, f"at most {limit} bytes", f"{longest} bytes")


@pytest.mark.requirement("RFC7143-11.7.1-03", "RFC7143-11.7.1-i01")
def test_sequences_fit_a_burst(reader: Session, disk: Disk) -> None:
    """No sequence of Data-In holds more than MaxBurstLength."""
    result = read(reader, disk, READ_LENGTH)

    last = result.data_ins[-1]
    check(
        last.final,
        "F=1 on the last Data-In",
        last,
        requirement="RFC7143-11.7.1-i01",
        field="F",
    )
    limit = reader.parameters.max_burst_length
    sums = [sum(len(p.data) for p in group) for group in sequences(result.data_ins)]
    check(max(sums) <= limit, f"at most {limit} bytes a sequence", f"{sums}")


@pytest.mark.requirement("RFC7143-11.7.1-i01")
def test_the_last_data_in_is_final(reader: Session, disk: Disk) -> None:
    """The last Data-In of a read has F=1."""
    result = read(reader, disk, READ_LENGTH)

    check(result.data_ins[-1].final, "F=1", result.data_ins[-1])


@pytest.mark.requirement("RFC7143-11.7.5-i01", "RFC7143-4.2.2.4-01")
def test_data_sn_counts_from_zero(reader: Session, disk: Disk) -> None:
    """DataSN counts the Data-In PDUs of a command from 0, over all sequences."""
    result = read(reader, disk, READ_LENGTH)

    numbers = [int(pdu.data_sn) for pdu in result.data_ins]
    check(numbers == list(range(len(numbers))), "0, 1, 2 ...", numbers)


@pytest.mark.requirement("RFC7143-11.7.6-i02", "RFC7143-13.19-01")
def test_offsets_rise_without_overlap(reader: Session, disk: Disk) -> None:
    """Each Data-In begins at the offset where the one before it ended."""
    result = read(reader, disk, READ_LENGTH)

    offsets = [int(pdu.buffer_offset) for pdu in result.data_ins]
    expected = [
        sum(len(p.data) for p in result.data_ins[:n]) for n in range(len(offsets))
    ]
    check(offsets == expected, f"offsets {expected}", f"offsets {offsets}")


@pytest.mark.requirement("RFC7143-11.7.6-i01")
def test_data_stays_within_what_was_expected(reader: Session, disk: Disk) -> None:
    """No Data-In reaches beyond the expected data transfer length."""
    result = read(reader, disk, READ_LENGTH)

    sent = reader.transcript.sent()[-1]
    end = max(pdu.buffer_offset + len(pdu.data) for pdu in result.data_ins)
    check(end <= sent.expected_data_transfer_length, "within EDTL", f"up to {end}")


@pytest.mark.requirement("RFC7143-11.7.3-03")
def test_status_comes_with_the_final_data_in(reader: Session, disk: Disk) -> None:
    """A Data-In with S=1 has F=1."""
    result = read(reader, disk, READ_LENGTH)

    wrong = [pdu for pdu in result.data_ins if pdu.status_present and not pdu.final]
    check(not wrong, "F=1 wherever S=1", wrong)


@pytest.mark.requirement("RFC7143-11.7.7-02")
def test_segments_are_multiples_of_four_bytes(reader: Session, disk: Disk) -> None:
    """A Data-In that is not final holds a multiple of four bytes."""
    result = read(reader, disk, READ_LENGTH)

    lengths = [len(pdu.data) for pdu in result.data_ins if not pdu.final]
    wrong = [length for length in lengths if length % 4]
    check(not wrong, "multiples of 4", wrong)


@pytest.mark.requirement("RFC7143-11.7.2-03")
def test_no_acknowledgement_is_asked_for(reader: Session, disk: Disk) -> None:
    """The target sets no A bit in Data-In at ErrorRecoveryLevel 0."""
    result = read(reader, disk, READ_LENGTH)

    assert reader.parameters.error_recovery_level == 0
    wrong = [pdu for pdu in result.data_ins if pdu.acknowledge]
    check(not wrong, "A=0", wrong)


@pytest.mark.requirement("RFC7143-11.7.4-02")
def test_a_transfer_tag_comes_with_the_lun(session: Session, disk: Disk) -> None:
    """A Data-In with a Target Transfer Tag has the command's LUN."""
    result = read(session, disk, READ_LENGTH)

    commands = [
        pdu for pdu in session.transcript.sent() if isinstance(pdu, SCSICommand)
    ]
    lun = commands[-1].lun
    wrong = [
        pdu
        for pdu in result.data_ins
        if pdu.target_transfer_tag != RESERVED_TAG and pdu.lun != lun
    ]
    check(not wrong, "the command's LUN", wrong)


@pytest.mark.requirement("RFC7143-11.4.8-i01")
def test_response_counts_the_data(reader: Session, disk: Disk) -> None:
    """ExpDataSN of a SCSI Response is the number of Data-In PDUs of the read."""
    result = read(reader, disk, READ_LENGTH)

    # The status may also arrive in the last Data-In, which has no such field.
    is_right = not isinstance(result.final, SCSIResponse) or (
        result.final.exp_data_sn == len(result.data_ins)
    )
    check(is_right, f"ExpDataSN {len(result.data_ins)}", result.final)
