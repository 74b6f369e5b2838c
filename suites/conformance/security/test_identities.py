# SPDX-License-Identifier: GPL-2.0-only
"""CHAP names, and the iSCSI names that may use them (RFC 7143 section 9.2)."""

from dataclasses import replace

import pytest

import targets
from initiator.expect import check
from initiator.login import LoginOptions, LoginRefused
from initiator.session import Session
from iscsi.chap import Credentials
from iscsi.constants import LoginStatus
from suites.plugins.sessions import OpenSession
from suites.plugins.targets import TestedTarget
from suites.support.login import charge_missing_status
from suites.support.ways import AS_ITS_OWNER, Way, charging, login_changes
from targets.model import Identity


@pytest.fixture
def identities(target: TestedTarget) -> tuple[Identity, ...]:
    """The further CHAP names of the target name that requires CHAP."""
    return target.running.identities


def as_user(options: LoginOptions, way: Way, identity: Identity) -> dict[str, object]:
    """Return the login options that a CHAP name changes."""
    changed = login_changes(replace(options, credentials=identity.credentials), way)
    return {name: one for name, one in changed.items() if name != "initiator_name"}


def status_of(open_session: OpenSession, **changes: object) -> int:
    """Return the status with which a login ends."""
    try:
        with charge_missing_status():
            open_session(clears_unit_attention=False, **changes)
    except LoginRefused as refusal:
        return refusal.status
    return LoginStatus.SUCCESS


@pytest.mark.needs("identities")
@pytest.mark.requirement("RFC7143-9.2-08", "RFC7143-9.2-10")
def test_a_chap_name_is_bound_to_its_owner(
    open_session: OpenSession,
    chap_options: LoginOptions,
    chap_way: Way,
    identities: tuple[Identity, ...],
) -> None:
    """The target refuses an initiator that uses another initiator's CHAP name."""
    owned = next(one for one in identities if one.initiator_name is not None)
    own = as_user(chap_options, chap_way, owned)

    foreign = status_of(open_session, **own)
    rightful = status_of(open_session, initiator_name=owned.initiator_name, **own)

    check(rightful == LoginStatus.SUCCESS, "its owner is let in", f"{rightful:#06x}")
    refused = (LoginStatus.AUTHENTICATION_FAILURE, LoginStatus.AUTHORIZATION_FAILURE)
    with charging(chap_way, AS_ITS_OWNER):
        check(foreign in refused, ["status 0x0201", "status 0x0202"], f"{foreign:#06x}")


@pytest.mark.needs("further-identity", "multi-connection")
@pytest.mark.requirement("RFC7143-9.2-12")
def test_a_session_has_one_identity(
    open_session: OpenSession,
    chap_options: LoginOptions,
    chap_node: targets.Target,
    chap_way: Way,
    identities: tuple[Identity, ...],
) -> None:
    """The target refuses a further connection with another CHAP name."""
    plain = chap_node.chap
    assert plain is not None
    free = (one.credentials for one in identities if one.initiator_name is None)
    everybody = (*free, plain.credentials)
    other = next(one for one in everybody if one != chap_options.credentials)
    session = open_session(
        {"MaxConnections": "4"}, **login_changes(chap_options, chap_way)
    )

    status = added_as(session, other)

    refused = (LoginStatus.AUTHENTICATION_FAILURE, LoginStatus.AUTHORIZATION_FAILURE)
    with charging(chap_way, AS_ITS_OWNER):
        check(status in refused, ["status 0x0201", "status 0x0202"], f"{status:#06x}")


def added_as(session: Session, credentials: Credentials) -> int:
    """Return the status of a further connection with a CHAP name.

    Raises:
        LoginRefused: no connection is added to the session at all.
    """
    session.options = replace(session.options, credentials=credentials)
    try:
        with charge_missing_status():
            session.add_connection(2)
    except LoginRefused as refusal:
        if refusal.status == LoginStatus.SESSION_DOES_NOT_EXIST:
            raise
        return refusal.status
    return LoginStatus.SUCCESS
