# SPDX-License-Identifier: GPL-2.0-only
"""--discovery-chap: Discovery sessions are asked for a proof, by each kind on hand."""

import pytest

import targets
from initiator.login import LoginOptions, LoginRefused
from initiator.session import Session
from iscsi.constants import LoginStatus
from tests.tools import require

pytestmark = pytest.mark.integration

_PROGRAMS = {"reference": (), "tgt": ("tgtd", "tgtadm"), "istgt": ("istgt",)}


@pytest.mark.parametrize("kind", _PROGRAMS)
def test_discovery_asks_for_a_proof(kind: str) -> None:
    require(*_PROGRAMS[kind])
    provider = targets.parse(kind, {"discovery_chap": True})
    try:
        running = provider.start()
        credentials = running.discovery_chap
        assert credentials is not None
        proof, answer = credentials.credentials, credentials.mutual
        assert answer is not None

        with pytest.raises(LoginRefused) as refused:
            Session(running.portal, LoginOptions(is_discovery=True))
        with Session(
            running.portal,
            LoginOptions(is_discovery=True, credentials=proof, mutual=answer),
        ) as session:
            reported = session.send_targets()
    finally:
        provider.stop()

    assert refused.value.status >> 8 == LoginStatus.INITIATOR_ERROR >> 8
    assert running.target.name in str(reported)
