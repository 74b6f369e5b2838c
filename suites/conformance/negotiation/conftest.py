# SPDX-License-Identifier: GPL-2.0-only
"""Fixtures that offer keys: on Normal and Discovery sessions."""

from functools import partial

import pytest

from initiator.login import LoginExchange
from iscsi.constants import Stage
from iscsi.text import Pairs
from suites.support.login import begin
from suites.support.negotiation import Offer, offer_first, settle_first


@pytest.fixture
def offer(login: LoginExchange, first_pairs: Pairs) -> Offer:
    """Offer keys in the first request of a Normal login."""
    return partial(offer_first, login, first_pairs)


@pytest.fixture
def settle(login: LoginExchange, first_pairs: Pairs) -> Offer:
    """Offer keys in a Normal login and complete it."""
    return partial(settle_first, login, first_pairs)


@pytest.fixture
def offer_in_discovery(
    login: LoginExchange, discovery_pairs: Pairs, discovery_stage: Stage
) -> Offer:
    """Offer keys in the first operational request of a Discovery login."""
    return partial(offer_first, login, begin(login, discovery_pairs, discovery_stage))
