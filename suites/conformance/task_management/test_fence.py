# SPDX-License-Identifier: GPL-2.0-only
"""Responses that wait for all others (RFC 7143 section 4.2.2.3)."""

import pytest

from initiator.expect import check
from initiator.session import Session
from iscsi.constants import TMFunction, TMResponse
from iscsi.pdu import TaskManagementResponse
from iscsi.scsi import cdb
from suites.plugins.sessions import OpenSession
from suites.support.applicability import skip_unless_supported
from suites.support.functions import ask_function
from suites.support.sessions import acknowledge

pytestmark = pytest.mark.needs("response-fence", "multi-connection")

REPORTING = [
    pytest.param("ResponseFence", id="response-fence"),
    pytest.param("FastAbort", id="fast-abort", marks=pytest.mark.needs("fast-abort")),
]
FUNCTIONS = [
    TMFunction.ABORT_TASK_SET,
    TMFunction.CLEAR_TASK_SET,
    TMFunction.LOGICAL_UNIT_RESET,
    TMFunction.TARGET_WARM_RESET,
]
UNIT_ATTENTION = 0x06


@pytest.fixture(params=REPORTING)
def keys(request: pytest.FixtureRequest) -> dict[str, str]:
    """What sessions offer whose responses are fenced."""
    return {"TaskReporting": request.param, "MaxConnections": "2"}


@pytest.fixture
def issuing(open_session: OpenSession, keys: dict[str, str]) -> Session:
    """A session with two connections that issues functions."""
    session = open_session(keys)
    # The Login Response carries a status, too.
    acknowledge(session, session.add_connection(2))
    return session


@pytest.mark.requirement(
    "RFC7143-4.2.2.3.2-01",
    "RFC7143-4.2.2.3.3-01",
    "RFC7143-4.2.2.3.3-03",
    "RFC7143-4.2.2.3.4-02",
    "RFC7143-4.2.3.3-12",
    "RFC7143-4.2.3.3-14",
    "RFC7143-4.2.3.4-16",
    "RFC7143-4.2.3.4-19",
    "RFC7143-11.6.1-04",
)
@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda one: one.name.lower())
def test_a_function_waits_for_the_acknowledgements(
    issuing: Session, function: TMFunction
) -> None:
    """The target answers a function when all connections' status is acknowledged."""
    skip_unless_supported(issuing, function)
    second = issuing.links[2]
    issuing.execute(cdb.test_unit_ready(), link=second)

    request = issuing.send_task_management(function)

    issuing.expect_silence(after=request)
    acknowledge(issuing, second)
    answer = issuing.expect(TaskManagementResponse, of=request)
    check(answer.response == TMResponse.FUNCTION_COMPLETE, "response 0", answer)


@pytest.mark.requirement(
    "RFC7143-4.2.2.3.2-02", "RFC7143-4.2.2.3.3-04", "RFC7143-4.2.2.3.3-05"
)
def test_status_waits_behind_the_fence(issuing: Session) -> None:
    """The target sends no status of the unit before its response is acknowledged."""
    skip_unless_supported(issuing, TMFunction.ABORT_TASK_SET)
    second = issuing.links[2]
    # No unit attention follows, which would be fenced itself.
    request = issuing.send_task_management(TMFunction.ABORT_TASK_SET)
    issuing.expect(TaskManagementResponse, of=request)

    task = issuing.start(cdb.test_unit_ready(), link=second)

    issuing.expect_silence(after=task.command, link=second)
    acknowledge(issuing, issuing.leading)
    result = issuing.finish(task, second)
    check(result.is_good, "GOOD", result)


@pytest.mark.requirement(
    "RFC7143-4.2.2.3.4-01",
    "RFC7143-4.2.3.3-13",
    "RFC7143-4.2.3.4-17",
    "RFC7143-4.2.3.6-01",
)
def test_the_unit_attention_of_third_parties_waits(
    open_session: OpenSession, keys: dict[str, str], issuing: Session
) -> None:
    """The unit attention after a reset waits for the status of other connections."""
    name = f"{issuing.options.initiator_name}.third"
    third = open_session(keys, initiator_name=name)
    second = third.add_connection(2)
    third.execute(cdb.test_unit_ready(), link=second)
    ask_function(issuing, TMFunction.LOGICAL_UNIT_RESET)

    task = third.start(cdb.test_unit_ready())

    third.expect_silence(after=task.command)
    acknowledge(third, second)
    result = third.finish(task)
    key = result.sense.key if result.sense else None
    check(key == UNIT_ATTENTION, "UNIT ATTENTION", result)
