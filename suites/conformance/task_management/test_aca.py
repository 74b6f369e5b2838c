# SPDX-License-Identifier: GPL-2.0-only
"""Auto contingent allegiance (SAM-5 5.10, RFC 7143 sections 4.2.2.3.4 and 10.2)."""

from collections.abc import Iterator
from contextlib import suppress

import pytest

from initiator.core import Link
from initiator.expect import ConformanceFailure, check, expect_data
from initiator.session import Session
from initiator.task import Result, Task
from iscsi.constants import TaskAttribute, TMFunction, TMResponse
from iscsi.errors import ISCSIError
from iscsi.pdu import TaskManagementResponse
from iscsi.scsi import cdb
from iscsi.scsi.inquiry import StandardInquiry
from iscsi.scsi.status import SCSIStatus
from suites.plugins.sessions import Disk, OpenSession
from suites.support.data import pattern, reaching, read, start_write
from suites.support.expect import expect_status
from suites.support.functions import ask_function
from suites.support.modes import skip_unless_shared
from suites.support.sessions import acknowledge

NACA = 0x04
ROOM = 96
FENCED = {"TaskReporting": "ResponseFence", "MaxConnections": "2"}
ACA = int(TaskAttribute.ACA)

fences = pytest.mark.needs("response-fence", "multi-connection")


def has_aca(session: Session) -> bool:
    """Tell whether NormACA is set in the INQUIRY data."""
    result = session.execute(cdb.inquiry(allocation_length=ROOM), read=ROOM)
    return StandardInquiry.parse(result.data).normaca


@pytest.fixture
def faulted(open_session: OpenSession) -> Iterator[Session]:
    """A session with a unit that has ACA; the condition is cleared at the end."""
    session = open_session()
    if not has_aca(session):
        pytest.skip("not applicable: NormACA is 0")
    yield session
    with suppress(ConformanceFailure, ISCSIError):  # the check may have ended it
        session.task_management(TMFunction.CLEAR_ACA)


@pytest.fixture
def other(open_session: OpenSession, faulted: Session) -> Session:
    """A session of another initiator with the same unit."""
    return open_session(initiator_name=f"{faulted.options.initiator_name}.other")


@pytest.fixture
def pair(open_session: OpenSession) -> Iterator[Session]:
    """A session with two connections whose responses are fenced."""
    session = open_session(FENCED)
    if not has_aca(session):
        pytest.skip("not applicable: NormACA is 0")
    acknowledge(session, session.add_connection(2))
    yield session
    session.ping(link=session.links[2])
    session.send_task_management(TMFunction.CLEAR_ACA)
    session.ping()


def start_failing(session: Session, disk: Disk, *, naca: int = NACA) -> Task:
    """Start a READ beyond the end, which will get CHECK CONDITION."""
    layout = reaching(disk, cdb.read_10, cdb.read_16)
    command = layout(lba=disk.blocks, blocks=1, control=naca)
    return session.start(command, read=disk.block_size)


def fail(session: Session, disk: Disk, *, naca: int = NACA) -> None:
    """Send a READ beyond the end, which gets CHECK CONDITION."""
    expect_status(
        session.finish(start_failing(session, disk, naca=naca)),
        SCSIStatus.CHECK_CONDITION,
    )


def try_unit(session: Session, control: int = 0, link: Link | None = None) -> Result:
    """Return the result of TEST UNIT READY."""
    return session.execute(cdb.test_unit_ready(control=control), link=link)


@pytest.mark.requirement("RFC7143-10.2-02")
def test_allegiance_is_offered(session: Session) -> None:
    """A unit with NormACA set supports CLEAR ACA."""
    answer = session.task_management(TMFunction.CLEAR_ACA)

    check(has_aca(session), "NormACA 1", "NormACA 0")
    check(answer.response == TMResponse.FUNCTION_COMPLETE, "response 0", answer)


@pytest.mark.requirement("SAM5-5.10.2-01")
def test_a_failure_establishes_aca(faulted: Session, disk: Disk) -> None:
    """After a CHECK CONDITION with NACA=1 other commands get ACA ACTIVE."""
    fail(faulted, disk)

    expect_status(try_unit(faulted), SCSIStatus.ACA_ACTIVE)


@pytest.mark.requirement("SAM5-5.10.2-02")
def test_without_naca_no_aca_is_established(faulted: Session, disk: Disk) -> None:
    """After a CHECK CONDITION with NACA=0 other commands are executed."""
    fail(faulted, disk, naca=0)

    expect_status(try_unit(faulted), SCSIStatus.GOOD)


@pytest.mark.requirement("SAM5-5.10.2-03")
def test_older_tasks_wait(
    open_session: OpenSession, faulted: Session, scratch_disk: Disk
) -> None:
    """A write that waits for its data continues when ACA is cleared."""
    keys = {"ImmediateData": "No", "InitialR2T": "Yes"}
    skip_unless_shared(faulted)
    third = open_session(keys, initiator_name=f"{faulted.options.initiator_name}.third")
    data = pattern(scratch_disk, 1, seed=0xACA)
    task = start_write(third, scratch_disk, data)
    third.route(waiting_for=task)
    fail(faulted, scratch_disk)

    for r2t in task.unanswered():
        third.answer_r2t(task, r2t)
    third.expect_silence(after=third.transcript.sent()[-1])
    faulted.task_management(TMFunction.CLEAR_ACA)

    expect_status(third.finish(task), SCSIStatus.GOOD)
    read_back = read(third, scratch_disk, len(data)).data
    expect_data(read_back, data, what="what was written")


@pytest.mark.requirement("SAM5-5.10.3-02")
def test_aca_attribute_is_served(faulted: Session, disk: Disk) -> None:
    """During ACA the unit executes the faulted nexus's commands with attribute ACA."""
    fail(faulted, disk)

    result = faulted.execute(cdb.test_unit_ready(control=NACA), attribute=ACA)

    expect_status(result, SCSIStatus.GOOD)


@pytest.mark.requirement("SAM5-5.10.4-01")
@pytest.mark.parametrize(
    ("control", "status"),
    [(0, SCSIStatus.BUSY), (NACA, SCSIStatus.ACA_ACTIVE)],
    ids=["naca-0", "naca-1"],
)
def test_other_nexuses_are_kept_out(
    faulted: Session, other: Session, disk: Disk, control: int, status: SCSIStatus
) -> None:
    """During ACA another nexus gets BUSY or ACA ACTIVE, by its NACA bit."""
    skip_unless_shared(faulted)
    fail(faulted, disk)

    expect_status(try_unit(other, control), status)


@pytest.mark.requirement("SAM5-5.10.5-01")
def test_aca_is_cleared(faulted: Session, disk: Disk) -> None:
    """CLEAR ACA of the faulted nexus ends the ACA."""
    fail(faulted, disk)

    answer = faulted.task_management(TMFunction.CLEAR_ACA)

    check(answer.response == TMResponse.FUNCTION_COMPLETE, "response 0", answer)
    expect_status(try_unit(faulted), SCSIStatus.GOOD)


@pytest.mark.requirement("SAM5-5.10.5-02")
def test_other_nexuses_do_not_clear_aca(
    faulted: Session, other: Session, disk: Disk
) -> None:
    """The target rejects CLEAR ACA of another nexus and keeps the ACA."""
    skip_unless_shared(faulted)
    fail(faulted, disk)

    answer = other.task_management(TMFunction.CLEAR_ACA)

    check(answer.response == TMResponse.FUNCTION_REJECTED, "response 255", answer)
    expect_status(try_unit(faulted), SCSIStatus.ACA_ACTIVE)


@pytest.mark.requirement("SAM5-5.10.5-03")
def test_a_reset_ends_aca(faulted: Session, other: Session, disk: Disk) -> None:
    """LOGICAL UNIT RESET ends the ACA."""
    fail(faulted, disk)

    ask_function(other, TMFunction.LOGICAL_UNIT_RESET)

    status = SCSIStatus(try_unit(faulted).status)
    check(status is SCSIStatus.CHECK_CONDITION, "the reset's UNIT ATTENTION", status)
    expect_status(try_unit(faulted), SCSIStatus.GOOD)


@pytest.mark.requirement("SAM5-5.10.5-04")
def test_nexus_loss_ends_aca(faulted: Session, other: Session, disk: Disk) -> None:
    """A logout of the faulted nexus ends the ACA."""
    fail(faulted, disk)

    faulted.logout()

    expect_status(try_unit(other), SCSIStatus.GOOD)


@pytest.mark.requirement("SAM5-8.5-01")
def test_aca_attribute_needs_aca(faulted: Session) -> None:
    """The unit refuses a command with the ACA attribute if there is no ACA."""
    result = faulted.execute(cdb.test_unit_ready(), attribute=ACA)

    expect_status(result, SCSIStatus.CHECK_CONDITION)


@fences
@pytest.mark.requirement("RFC7143-4.2.2.3.4-03")
def test_aca_establishment_is_fenced(pair: Session, disk: Disk) -> None:
    """The response that establishes ACA waits for all status of other connections."""
    second = pair.links[2]
    try_unit(pair, link=second)

    task = start_failing(pair, disk)

    pair.expect_silence(after=task.command)
    acknowledge(pair, second)
    expect_status(pair.finish(task), SCSIStatus.CHECK_CONDITION)


@fences
@pytest.mark.requirement("RFC7143-4.2.2.3.4-04")
def test_the_first_refusal_is_fenced(pair: Session, disk: Disk) -> None:
    """The first ACA ACTIVE waits for all status of other connections."""
    second = pair.links[2]
    fail(pair, disk)
    acknowledge(pair, pair.leading)
    result = pair.execute(cdb.test_unit_ready(control=NACA), link=second, attribute=ACA)
    expect_status(result, SCSIStatus.GOOD)

    task = pair.start(cdb.test_unit_ready())

    pair.expect_silence(after=task.command)
    acknowledge(pair, second)
    expect_status(pair.finish(task), SCSIStatus.ACA_ACTIVE)


@fences
@pytest.mark.requirement("RFC7143-4.2.2.3.4-05")
def test_aca_clearing_is_fenced(pair: Session, disk: Disk) -> None:
    """The response to CLEAR ACA waits for all status of other connections."""
    second = pair.links[2]
    fail(pair, disk)
    acknowledge(pair, pair.leading)
    pair.execute(cdb.test_unit_ready(control=NACA), link=second, attribute=ACA)

    request = pair.send_task_management(TMFunction.CLEAR_ACA)

    pair.expect_silence(after=request)
    acknowledge(pair, second)
    answer = pair.expect(TaskManagementResponse, of=request)
    check(answer.response == TMResponse.FUNCTION_COMPLETE, "response 0", answer)
