# SPDX-License-Identifier: GPL-2.0-only
"""The table of bounds in docs/reference-target.md says what the code keeps to."""

from pathlib import Path

import pytest

from iscsi import pdu
from iscsi.constants import AsyncEvent
from reftarget import (
    connection,
    data_in,
    events,
    login,
    recovery,
    requests,
    server,
    stream,
    tmf,
)
from reftarget.config import Limits
from reftarget.scsi import extended_copy
from reftarget.scsi import limits as steps
from tests.reftarget.peer import Peer, make_target

PAGE = Path(__file__).parents[2] / "docs" / "reference-target.md"
LIMITS = Limits()


def mib(count: int) -> str:
    return f"{count >> 20} MiB"


def kib(count: int) -> str:
    return f"{count >> 10} KiB"


def named(name: str, unit: str = "") -> str:
    value = getattr(LIMITS, name)
    displayed = mib(value) if name.endswith("bytes") else f"{value:.0f}{unit}"
    return f"`{name}`, {displayed}"


BOUNDS = {
    "bytes kept for all peers": named("buffered_bytes"),
    "of these, bytes kept for one session": named("session_bytes"),
    "of these, output of one connection": named("connection_bytes"),
    "time for a peer to read anything": named("stall_time", " s"),
    "time for data that R2Ts asked for": named("data_time", " s"),
    "responses kept for SNACK": (
        f"{recovery.KEPT_STATUS} a connection, {mib(recovery.KEPT_BYTES)} a session"
    ),
    "Data-In PDUs of a command that SNACK": (
        f"{data_in.AT_ONCE}; of a command with more of them none"
    ),
    "commands of a session in progress": f"{named('queue_depth')}; as many immediate",
    "task management functions on many tasks": f"{tmf.MOST_WAITING} a session",
    "text of a login, of a Text exchange": f"{kib(login.LONGEST_TEXT)} each",
    "requests of a login": named("login_exchanges"),
    "time of a login": named("login_time", " s"),
    "time for a peer to close its half": named("logout_time", " s"),
    "sessions": named("sessions"),
    "connections": named("connections"),
    "one turn of a connection": f"{server.TURN * 1000:.0f} ms and one PDU",
    "output of one connection, beyond which": (
        f"{mib(connection.HIGH_WATER)} and one command"
    ),
    f"one step of a READ with more than {data_in.AT_ONCE} Data-In PDUs": (
        f"{2 * data_in.STEP} of them"
    ),
    "one step of EXTENDED COPY, WRITE SAME, UNMAP": (
        f"{mib(extended_copy.CHUNK)} copied, {mib(steps.STEP)} written, "
        f"{mib(steps.UNMAP_STEP)} unmapped"
    ),
    "receive buffer": (
        f"{kib(stream.INITIAL_SIZE)}, up to {kib(stream.FULL_SIZE)} for a connection"
    ),
}
"""How a row of the table begins, and how its bound does, by what the code says."""


def rows() -> list[tuple[str, str]]:
    """Return what is bound, and how, of each row of the page's table."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    cells = [line.strip("|").split("|") for line in lines]
    return [(one[0].strip(), one[1].strip()) for one in cells[1:]]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0][:40])
def test_the_page_says_what_the_code_keeps_to(row: tuple[str, str]) -> None:
    what, bound = row
    # The longest prefix: "sessions" begins with it, too.
    begins = max((key for key in BOUNDS if what.startswith(key)), key=len)

    assert bound.startswith(BOUNDS[begins])


def test_no_bound_is_missing_on_the_page() -> None:
    table = rows()

    assert [
        key for key in BOUNDS if not any(what.startswith(key) for what, _ in table)
    ] == []
    assert requests.LONGEST_TEXT == login.LONGEST_TEXT


def test_asynchronous_messages_that_nobody_acknowledges_are_bounded() -> None:
    target = make_target()
    peer = Peer(target).logged_in(ErrorRecoveryLevel="1")
    session, before = peer.session, peer.session.budget.used
    for _ in range(3 * recovery.KEPT_STATUS):
        events.send(peer.connection, AsyncEvent.VENDOR, vcode=128)
        peer.connection.take_output()

    stored = session.budget.used - before
    assert 0 < stored <= recovery.KEPT_STATUS * recovery.OVERHEAD

    peer.exp_stat_sn = peer.connection.stat_sn
    peer.send(pdu.NOPOut(immediate=1, target_transfer_tag=0xFFFFFFFF))
    assert session.budget.used <= before + recovery.OVERHEAD
