# SPDX-License-Identifier: GPL-2.0-only
"""CHAP names, and the iSCSI names that may use them (RFC 7143 section 9.2)."""

from dataclasses import replace

import pytest

from initiator.expect import check
from initiator.login import LoginOptions, LoginRefused
from initiator.session import Session
from iscsi.constants import LoginStatus
from suites.plugins.sessions import OpenSession
from suites.plugins.targets import TestedTarget
from suites.support.login import charge_missing_status
from targets.model import Identity


@pytest.fixture
def identities(target: TestedTarget) -> tuple[Identity, ...]:
    """The further CHAP names of the target name that requires CHAP."""
    return target.running.identities


def as_user(options: LoginOptions, identity: Identity) -> dict[str, object]:
    """Return the login options that a CHAP name changes."""
    return {
        "target_name": options.target_name,
        "credentials": identity.credentials,
        "mutual": None,
    }


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
def test_a_chap_name_is_its_owners(
    open_session: OpenSession,
    chap_options: LoginOptions,
    identities: tuple[Identity, ...],
) -> None:
    """The target refuses an initiator that uses another initiator's CHAP name."""
    owned = next(one for one in identities if one.initiator_name is not None)
    own = as_user(chap_options, owned)

    foreign = status_of(open_session, **own)
    rightful = status_of(open_session, initiator_name=owned.initiator_name, **own)

    check(rightful == LoginStatus.SUCCESS, "its owner is let in", f"{rightful:#06x}")
    refused = (LoginStatus.AUTHENTICATION_FAILURE, LoginStatus.AUTHORIZATION_FAILURE)
    check(foreign in refused, ["status 0x0201", "status 0x0202"], f"{foreign:#06x}")


@pytest.mark.needs("further-identity", "multi-connection")
@pytest.mark.requirement("RFC7143-9.2-12")
def test_a_session_has_one_identity(
    open_session: OpenSession,
    chap_options: LoginOptions,
    identities: tuple[Identity, ...],
) -> None:
    """The target refuses a further connection with another CHAP name."""
    other = next(one for one in identities if one.initiator_name is None)
    session = open_session(
        {"MaxConnections": "4"},
        target_name=chap_options.target_name,
        credentials=chap_options.credentials,
        mutual=chap_options.mutual,
    )

    status = added_as(session, other)

    refused = (LoginStatus.AUTHENTICATION_FAILURE, LoginStatus.AUTHORIZATION_FAILURE)
    check(status in refused, ["status 0x0201", "status 0x0202"], f"{status:#06x}")


def added_as(session: Session, identity: Identity) -> int:
    """Return the status of a further connection with a CHAP name."""
    session.options = replace(
        session.options, credentials=identity.credentials, mutual=None
    )
    try:
        with charge_missing_status():
            session.add_connection(2)
    except LoginRefused as refusal:
        return refusal.status
    return LoginStatus.SUCCESS
