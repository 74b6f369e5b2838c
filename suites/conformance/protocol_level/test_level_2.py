# SPDX-License-Identifier: GPL-2.0-only
"""iSCSIProtocolLevel and what comes with level 2 (RFC 7144)."""

import pytest

from initiator.expect import check, clause, expect_data, expect_drop
from initiator.session import Session
from iscsi.constants import TMFunction, TMResponse
from iscsi.pdu import SCSICommand, SCSIResponse, TaskManagementRequest
from iscsi.scsi import cdb
from suites.plugins.sessions import Disk, OpenSession
from suites.support.sessions import stall_write

BASE_DESCRIPTOR = 0x0960
DESCRIPTORS = range(BASE_DESCRIPTOR, BASE_DESCRIPTOR + 32)
STANDARD_INQUIRY = 96
UNKNOWN_TAG = 0x7FFFFFFC
NEXUS_CLASS = 0x29
QUERIES = [
    TMFunction.QUERY_TASK,
    TMFunction.QUERY_TASK_SET,
    TMFunction.QUERY_ASYNCHRONOUS_EVENT,
]

level_2 = pytest.mark.needs("protocol-level-2")


@pytest.fixture
def newer(open_session: OpenSession) -> Session:
    """A session with iSCSIProtocolLevel 2."""
    return open_session({"iSCSIProtocolLevel": "2"})


def names(function: TMFunction) -> str:
    """Return the test ID of a function."""
    return function.name.lower()


def descriptors(session: Session) -> list[int]:
    """Return the iSCSI version descriptors of the standard INQUIRY data."""
    data = session.execute(
        cdb.inquiry(allocation_length=STANDARD_INQUIRY), read=STANDARD_INQUIRY
    ).data
    descriptor_values = [
        int.from_bytes(data[at : at + 2], "big") for at in range(58, 74, 2)
    ]
    return [one for one in descriptor_values if one in DESCRIPTORS]


@level_2
@pytest.mark.requirement("RFC7144-4.2-01")
@pytest.mark.parametrize("level", [1, 2])
def test_the_version_descriptor_shows_the_level(
    open_session: OpenSession, level: int
) -> None:
    """An iSCSI version descriptor is 0960h plus the negotiated level."""
    session = open_session({"iSCSIProtocolLevel": str(level)})

    descriptor_values = descriptors(session)

    expected = BASE_DESCRIPTOR + level
    check(
        set(descriptor_values) <= {expected},
        f"{expected:04X}h, or none",
        [f"{one:04X}h" for one in descriptor_values],
    )


@pytest.mark.requirement("RFC7144-5.1.1-02")
@pytest.mark.parametrize("priority", [1, 15])
def test_priority_is_ignored_below_level_2(session: Session, priority: int) -> None:
    """The target ignores a Command Priority unless level 2 was negotiated."""
    result = session.execute(cdb.test_unit_ready(), priority=priority)

    assert session.transcript.sent()[-1].priority == priority
    check(result.is_good, "GOOD", result)


@pytest.mark.requirement("RFC7144-5.2.1-01")
def test_no_status_qualifier_below_level_2(session: Session) -> None:
    """Status Qualifier is 0 unless level 2 was negotiated, also with an error."""
    session.execute(cdb.read_10(lba=0xFFFFFFFF, blocks=1), read=512)
    session.execute(cdb.test_unit_ready())

    responses = [
        p for p in session.transcript.received() if isinstance(p, SCSIResponse)
    ]
    qualified = [pdu for pdu in responses if pdu.status_qualifier]
    check(responses and not qualified, "Status Qualifier 0", qualified)


@level_2
@pytest.mark.requirement("RFC7144-5.2.2-01", "RFC7144-5.2.2-02")
def test_check_condition_has_sense_data_at_level_2(newer: Session) -> None:
    """A CHECK CONDITION at level 2 contains sense data."""
    result = newer.execute(cdb.read_10(lba=0xFFFFFFFF, blocks=1), read=512)

    check(result.sense is not None, "sense data", result)


@level_2
@pytest.mark.requirement("RFC7144-6.3-03", "RFC7144-4.1-02")
@pytest.mark.parametrize("function", QUERIES, ids=names)
def test_new_functions_are_answered(newer: Session, function: TMFunction) -> None:
    """The target answers each function of level 2 with a response, not a Reject."""
    answer = newer.task_management(function, referenced_task_tag=UNKNOWN_TAG)

    allowed = (
        TMResponse.FUNCTION_COMPLETE,
        TMResponse.FUNCTION_SUCCEEDED,
        TMResponse.FUNCTION_NOT_SUPPORTED,
        TMResponse.TASK_DOES_NOT_EXIST,
    )
    check(
        answer.response in allowed,
        ["response 0", "response 1", "response 5", "response 7"],
        answer,
    )


@level_2
@pytest.mark.requirement("RFC7144-6.3-03")
def test_queries_find_a_waiting_task(
    open_session: OpenSession, scratch_disk: Disk
) -> None:
    """QUERY TASK and QUERY TASK SET find a write that waits for its data."""
    session = open_session(
        {"iSCSIProtocolLevel": "2", "ImmediateData": "No", "InitialR2T": "Yes"}
    )
    task = stall_write(session, scratch_disk)

    one = session.task_management(TMFunction.QUERY_TASK, of=task.command)
    response = session.task_management(TMFunction.QUERY_TASK_SET)

    accepted = (TMResponse.FUNCTION_SUCCEEDED, TMResponse.FUNCTION_NOT_SUPPORTED)
    check(one.response in accepted, ["response 7", "response 5"], one)
    check(response.response in accepted, ["response 7", "response 5"], response)


@level_2
@pytest.mark.requirement("RFC7144-6.3-08", "RFC7144-6.3-09")
def test_query_task_of_a_function_is_rejected(newer: Session) -> None:
    """QUERY TASK of a task management function is answered Function rejected."""
    newer.numbers.take()  # this command is never sent, so the later ones wait
    waiting = newer.send(
        TaskManagementRequest(function=int(TMFunction.ABORT_TASK_SET), immediate=0)
    )

    answer = newer.task_management(
        TMFunction.QUERY_TASK,
        referenced_task_tag=int(waiting.initiator_task_tag),
        ref_cmd_sn=int(waiting.cmd_sn),
    )

    allowed = (TMResponse.FUNCTION_REJECTED, TMResponse.FUNCTION_NOT_SUPPORTED)
    executed = (TMResponse.FUNCTION_COMPLETE, TMResponse.FUNCTION_SUCCEEDED)
    check(
        answer.response in allowed,
        ["response 255", "response 5"],
        answer,
        requirement="RFC7144-6.3-08"
        if answer.response in executed
        else "RFC7144-6.3-09",
    )


@level_2
@pytest.mark.requirement(
    "RFC7144-6.3-10", "RFC7144-6.3-11", "RFC7144-6.3-12", "RFC7144-6.3-13"
)
def test_a_nexus_reset_ends_the_session(open_session: OpenSession) -> None:
    """I_T NEXUS RESET ends the session; the port's next session reports the reset."""
    session = open_session({"iSCSIProtocolLevel": "2"})
    options = session.options
    answer = session.task_management(TMFunction.I_T_NEXUS_RESET)
    if answer.response == TMResponse.FUNCTION_NOT_SUPPORTED:
        pytest.skip("not applicable: the target does not support I_T NEXUS RESET")

    with clause("RFC7144-6.3-12"):
        expect_drop(session.connection)

    second = open_session(
        isid=options.isid,
        initiator_name=options.initiator_name,
        clears_unit_attention=False,
    )
    sense = second.execute(cdb.test_unit_ready()).sense
    check(
        sense is not None and sense.asc == NEXUS_CLASS,
        "ASC 29h",
        sense,
        requirement="RFC7144-6.3-11",
    )


@level_2
@pytest.mark.requirement("RFC7144-6.3-04", "RFC7144-6.5-01")
def test_a_nexus_reset_ends_its_tasks(
    open_session: OpenSession, scratch_disk: Disk
) -> None:
    """After I_T NEXUS RESET no task of the nexus writes."""
    keys = {"iSCSIProtocolLevel": "2", "ImmediateData": "No", "InitialR2T": "Yes"}
    session, witness = open_session(keys), open_session()
    read = cdb.read_10(lba=0, blocks=1)
    before = witness.execute(read, read=scratch_disk.block_size).data
    stall_write(session, scratch_disk)

    answer = session.task_management(TMFunction.I_T_NEXUS_RESET)

    if answer.response == TMResponse.FUNCTION_NOT_SUPPORTED:
        pytest.skip("not applicable: the target does not support I_T NEXUS RESET")
    with clause("RFC7144-6.3-12"):
        expect_drop(session.connection)
    after = witness.execute(read, read=scratch_disk.block_size).data
    expect_data(after, before, what="the block as it was")


@pytest.mark.requirement("RFC7144-4.1-01", "RFC7144-7.1.1-01")
def test_no_level_2_feature_without_negotiation(session: Session) -> None:
    """A session that did not negotiate the level has no feature of level 2."""
    session.send(SCSICommand(cdb=cdb.test_unit_ready().ljust(16, b"\0"), final=1))

    response = session.expect(SCSIResponse)

    check(response.status_qualifier == 0, "Status Qualifier 0", response)
    descriptor_values = descriptors(session)
    check(BASE_DESCRIPTOR + 2 not in descriptor_values, "no 0962h", descriptor_values)
