# SPDX-License-Identifier: GPL-2.0-only
"""Checks that kill a stand-in target at each stage, and what comes after each."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from initiator.login import LoginExchange, LoginOptions
from initiator.session import Session
from iscsi.constants import Stage
from iscsi.errors import ISCSIError
from iscsi.scsi import cdb
from suites.plugins.sessions import Disk, OpenSession

MUST = "RFC7143-11.19-02"
NAME = "iqn.2026-11.org.iscsi-assay:kill-at-"
"""The stand-in goes wrong at the stage that follows (tests/suites/standin.py)."""


@pytest.fixture
def dying_session(open_session: OpenSession) -> Session:
    return open_session(initiator_name=f"{NAME}setup")


@pytest.fixture
def swept_session(open_session: OpenSession) -> Iterator[Session]:
    """A session that is tidied up behind a check, by another one if it is gone."""
    opened = open_session(initiator_name=f"{NAME}sweep", clears_unit_attention=False)
    yield opened
    try:
        opened.execute(cdb.test_unit_ready())
    except ISCSIError:
        open_session()


@pytest.mark.requirement(MUST)
def test_first(session: Session) -> None:
    """The target answers a ping."""
    session.ping()


@pytest.mark.requirement(MUST)
def test_dies_in_login(open_session: OpenSession) -> None:
    """The target survives a login."""
    open_session(initiator_name=f"{NAME}login")


@pytest.mark.requirement(MUST)
def test_after_login(session: Session) -> None:
    """The target answers a ping."""
    session.ping()


@pytest.mark.requirement(MUST)
def test_dies_in_negotiation(login: LoginExchange, options: LoginOptions) -> None:
    """The target survives the second request of a login."""
    keys = replace(options, initiator_name=f"{NAME}negotiation").names()
    login.request([*keys, ("ErrorRecoveryLevel", "0")])
    login.request(nsg=Stage.FULL_FEATURE)


@pytest.mark.requirement(MUST)
def test_after_negotiation(session: Session) -> None:
    """The target answers a ping."""
    session.ping()


@pytest.mark.requirement(MUST)
def test_dies_in_text(open_session: OpenSession) -> None:
    """The target survives a negotiation in full feature phase."""
    open_session(initiator_name=f"{NAME}text").send_targets("")


@pytest.mark.requirement(MUST)
def test_after_text(session: Session) -> None:
    """The target answers a ping."""
    session.ping()


@pytest.mark.requirement(MUST)
def test_dies_in_command(open_session: OpenSession) -> None:
    """The target survives a command."""
    open_session(initiator_name=f"{NAME}command")


@pytest.mark.requirement(MUST)
def test_after_command(session: Session) -> None:
    """The target answers a ping."""
    session.ping()


@pytest.mark.requirement(MUST)
def test_dies_in_data(open_session: OpenSession, scratch_disk: Disk) -> None:
    """The target survives the data of a write."""
    session = open_session(
        {"ImmediateData": "No", "InitialR2T": "Yes"}, initiator_name=f"{NAME}data"
    )
    session.execute(cdb.write_10(lba=0, blocks=1), write=bytes(scratch_disk.block_size))


@pytest.mark.requirement(MUST)
def test_after_data(session: Session) -> None:
    """The target answers a ping."""
    session.ping()


@pytest.mark.requirement(MUST)
def test_dies_in_logout(open_session: OpenSession) -> None:
    """The target survives a logout."""
    open_session(initiator_name=f"{NAME}logout").logout()


@pytest.mark.requirement(MUST)
def test_after_logout(session: Session) -> None:
    """The target answers a ping."""
    session.ping()


@pytest.mark.requirement(MUST)
@pytest.mark.usefixtures("dying_session")
def test_dies_in_setup() -> None:
    """The target survives the set-up of a check."""


@pytest.mark.requirement(MUST)
def test_after_setup(session: Session) -> None:
    """The target answers a ping."""
    session.ping()


@pytest.mark.requirement(MUST)
def test_dies_in_teardown(open_session: OpenSession) -> None:
    """The target survives the teardown of a check."""
    open_session(initiator_name=f"{NAME}teardown")


@pytest.mark.requirement(MUST)
def test_after_teardown(session: Session) -> None:
    """The target answers a ping."""
    session.ping()


@pytest.mark.requirement(MUST)
def test_dies_in_sweep(swept_session: Session) -> None:
    """The target survives what a fixture does when a check is over."""
    swept_session.ping()


@pytest.mark.requirement(MUST)
def test_after_sweep(session: Session) -> None:
    """The target answers a ping."""
    session.ping()


@pytest.mark.requirement(MUST)
def test_dies_in_end(open_session: OpenSession) -> None:
    """The target survives the end of a connection."""
    open_session(initiator_name=f"{NAME}end")


@pytest.mark.requirement(MUST)
def test_after_end(session: Session) -> None:
    """The target answers a ping."""
    session.ping()
