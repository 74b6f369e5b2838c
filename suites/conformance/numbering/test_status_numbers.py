# SPDX-License-Identifier: GPL-2.0-only
"""Response numbering (RFC 7143 sections 4.2.2.2, 11.13.4)."""

from itertools import pairwise

import pytest

from initiator.expect import check, clause
from initiator.session import Session
from iscsi import serial
from iscsi.constants import Stage
from suites.plugins.sessions import NewLogin, OpenSession
from suites.support.traffic import converse, stat_sns


@pytest.mark.requirement("RFC7143-4.2.2.2-i01", "RFC7143-4.2.2.2-04")
def test_responses_count_from_the_login(open_session: OpenSession) -> None:
    """StatSN starts with the login and rises by one for each response of any kind."""
    session = open_session(clears_unit_attention=False)
    session.judges_stat_sn = False

    numbers = stat_sns(converse(session))

    expected = [serial.add(numbers[0], step) for step in range(len(numbers))]
    check(numbers == expected, f"StatSN {expected}", f"StatSN {numbers}")


@pytest.mark.requirement("RFC7143-4.2.2.2-i01")
def test_each_connection_counts_for_itself(open_session: OpenSession) -> None:
    """The responses of a second session do not change the first one's StatSN."""
    first, second = open_session(), open_session()
    stat_sn = first.leading.status.exp_stat_sn

    second.ping()
    with clause("RFC7143-4.4.3-i02"):
        answer = first.ping()

    check(answer.stat_sn == stat_sn, f"StatSN {stat_sn}", answer)


@pytest.mark.requirement("RFC7143-11.13.4-i01")
def test_login_responses_advance_stat_sn(
    new_login: NewLogin, first_pairs: list[tuple[str, str]]
) -> None:
    """Each further Login Response has the next StatSN."""
    login = new_login()

    login.request(first_pairs, csg=Stage.OPERATIONAL)
    login.request([], csg=Stage.OPERATIONAL, nsg=Stage.FULL_FEATURE)

    # An unsolicited one counts as well; other checks judge it.
    for first, second in pairwise(login.connection.transcript.received()):
        expected = serial.add(first.stat_sn, 1)
        check(second.stat_sn == expected, "the next StatSN", second)


@pytest.mark.requirement("RFC7143-11.4-i01")
def test_a_stale_exp_stat_sn_is_tolerated(session: Session) -> None:
    """The target serves a request whose ExpStatSN acknowledges too little."""
    old = serial.add(session.leading.status.exp_stat_sn, -1)

    answer = session.ping(exp_stat_sn=old)

    check(answer.stat_sn == serial.add(old, 1), "the next StatSN", answer)
