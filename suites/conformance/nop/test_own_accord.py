# SPDX-License-Identifier: GPL-2.0-only
"""NOP-Ins that tell of a window and want no answer (RFC 7143 section 11.19)."""

from dataclasses import dataclass

import pytest

from initiator.expect import check
from iscsi import serial
from iscsi.constants import RESERVED_TAG
from iscsi.errors import ConnectionLost, PeerTimeout
from iscsi.pdu import PDU, NOPIn
from suites.plugins.sessions import Disk, OpenSession
from suites.support.numbering import reset_with_full_window
from suites.support.traffic import reserved_fields

TAGS_OF_TASKS = range(RESERVED_TAG)


@dataclass(frozen=True, slots=True)
class Report:
    """What a target sent when its window opened by itself."""

    packet: PDU
    stat_sn: int
    """The StatSN that is due."""
    earliest: int
    """The ExpCmdSN before it."""
    latest: int
    """The CmdSN that no command has had yet."""


def await_report(open_session: OpenSession, disk: Disk) -> Report:
    """Return what the target sends when its window opens by itself."""
    session = reset_with_full_window(open_session, disk)
    numbers = session.leading.status.exp_stat_sn, session.exp_cmd_sn, session.cmd_sn
    try:
        return Report(session.receive(with_unsolicited=True), *numbers)
    except ConnectionLost:
        pytest.skip("not applicable: the target closes the connection instead")
    except PeerTimeout:
        # A wrong length would have put the ends of all further PDUs out of place.
        session.ping()
        pytest.skip("not applicable: the target does not report its window by itself")


@pytest.mark.requirement(
    "RFC7143-11.19-06",
    "RFC7143-11.19-05",
    "RFC7143-11.19-i01",
    "RFC7143-11.19.2-i01",
    "RFC7143-11-01",
    "RFC7143-4.2.2.1-10",
    "RFC7143-11.4.10-i01",
    "RFC7143-4.2.2.1-12",
)
def test_a_nop_in_that_reports_the_window_has_its_form(
    open_session: OpenSession, scratch_disk: Disk
) -> None:
    """A NOP-In of the target's own accord has no task, no data, and takes no StatSN."""
    report = await_report(open_session, scratch_disk)
    packet = report.packet
    is_pong = isinstance(packet, NOPIn)
    if not is_pong and getattr(packet, "initiator_task_tag", None) in TAGS_OF_TASKS:
        pytest.skip("not applicable: an answer to a task reports the window")

    check(is_pong, "NOPIn", packet)
    for name in ("data_segment_length", "total_ahs_length"):
        check(not getattr(packet, name), f"{name} 0", packet, field=name)
    tag = packet.initiator_task_tag
    is_right = tag == RESERVED_TAG
    check(is_right, "ITT 0xffffffff", packet, requirement="RFC7143-11.19-05")
    check(packet.final, "F=1", packet, requirement="RFC7143-11.19-i01", field="F")
    is_right = packet.stat_sn == report.stat_sn
    expected, clause = f"StatSN {report.stat_sn}", "RFC7143-11.19.2-i01"
    check(is_right, expected, packet, requirement=clause, field="StatSN")
    wrong = {name: value for name, value in reserved_fields(packet).items() if value}
    check(not wrong, "every reserved field 0", wrong, requirement="RFC7143-11-01")
    _expect_window(report)


def _expect_window(report: Report) -> None:
    """Expect that ExpCmdSN and MaxCmdSN are such as may follow those before."""
    packet = report.packet
    number = int(packet.exp_cmd_sn)
    is_sent = serial.less_or_equal(number, report.latest)
    expected = f"ExpCmdSN {report.earliest} to {report.latest}"
    check(is_sent, expected, packet, requirement="RFC7143-4.2.2.1-10")
    is_right = serial.less_or_equal(report.earliest, number)
    check(is_right, expected, packet, requirement="RFC7143-11.4.10-i01")
    least = serial.add(number, -1)
    is_right = serial.less_or_equal(least, packet.max_cmd_sn)
    clause = "RFC7143-4.2.2.1-12"
    check(is_right, f"MaxCmdSN {least} or more", packet, requirement=clause)
