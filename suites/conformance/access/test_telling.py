# SPDX-License-Identifier: GPL-2.0-only
"""Unit attentions after a change of access state (SPC-4 section 5.15.2.5)."""

from collections.abc import Callable

import pytest

from initiator.expect import check
from initiator.session import Session
from iscsi.scsi import cdb
from iscsi.scsi.sense import AdditionalSense, SenseKey
from suites.support.access import Ways, expect_attention_among

CHANGED = AdditionalSense.ASYMMETRIC_ACCESS_STATE_CHANGED
FAILED = AdditionalSense.IMPLICIT_ASYMMETRIC_ACCESS_STATE_TRANSITION_FAILED


@pytest.mark.requirement("SPC4-5.15.2.5-04")
def test_others_are_notified_of_an_explicit_change(
    session: Session, changing: Ways
) -> None:
    """Other nexuses get a unit attention after SET TARGET PORT GROUPS."""
    group = changing.group_of(session)

    changing.set(group, changing.other_state(group))

    expect_attention_among(session, CHANGED)


@pytest.mark.needs("several-groups")
@pytest.mark.requirement("SPC4-5.15.2.5-04")
def test_other_ports_are_notified_of_an_explicit_change(
    session: Session, changing: Ways, elsewhere: Callable[[], Session]
) -> None:
    """Nexuses of other ports get a unit attention after SET TARGET PORT GROUPS."""
    other = elsewhere()
    group = changing.group_of(session)

    changing.set(group, changing.other_state(group))

    expect_attention_among(other, CHANGED)


@pytest.mark.requirement("SPC4-5.15.2.5-05")
def test_the_sender_is_not_notified(session: Session, changing: Ways) -> None:
    """The sender of SET TARGET PORT GROUPS gets no unit attention for it."""
    group = changing.group_of(session)

    changing.set(group, changing.other_state(group), by=session)

    sense = session.execute(cdb.test_unit_ready()).sense
    is_reported = (
        sense is not None
        and sense.key == SenseKey.UNIT_ATTENTION
        and sense.additional is CHANGED
    )
    check(not is_reported, "no unit attention for the change", sense)


@pytest.mark.needs("access-states")
@pytest.mark.requirement("SPC4-5.15.2.5-03")
def test_all_are_notified_of_an_implicit_change(
    session: Session, changing: Ways
) -> None:
    """Each nexus of the port gets a unit attention after an implicit change."""
    group = changing.group_of(session)

    changing.change_implicitly(group, changing.other_state(group))

    for one in (session, changing.keeper):
        expect_attention_among(one, CHANGED)


@pytest.mark.needs("access-states", "several-groups")
@pytest.mark.requirement("SPC4-5.15.2.5-03")
def test_other_ports_are_notified_of_an_implicit_change(
    session: Session, changing: Ways, elsewhere: Callable[[], Session]
) -> None:
    """Nexuses of other ports get a unit attention after an implicit change."""
    other = elsewhere()
    group = changing.group_of(session)

    changing.change_implicitly(group, changing.other_state(group))

    expect_attention_among(other, CHANGED)


@pytest.mark.needs("access-states")
@pytest.mark.requirement("SPC4-5.15.2.5-06")
def test_a_failed_change_is_reported(session: Session, changing: Ways) -> None:
    """Each nexus gets a unit attention after an implicit change that failed."""
    changing.fail_implicitly()

    for one in (session, changing.keeper):
        expect_attention_among(one, FAILED)
