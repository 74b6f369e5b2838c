# SPDX-License-Identifier: GPL-2.0-only
"""Which targets a Discovery session lists (RFC 7143 appendix C)."""

import pytest

from initiator.expect import check
from initiator.session import Session
from suites.plugins.targets import TestedTarget
from targets.model import Special


@pytest.mark.needs("acl")
@pytest.mark.requirement("RFC7143-C-15")
def test_forbidden_names_are_not_listed(
    discovery: Session, target: TestedTarget
) -> None:
    """SendTargets=All does not list a target that the initiator may not access."""
    listed = [value for key, value in discovery.send_targets() if key == "TargetName"]

    forbidden = target.running.special[Special.FORBIDDEN]
    check(forbidden not in listed, f"no {forbidden}", listed)


@pytest.mark.needs("acl")
@pytest.mark.requirement("RFC7143-C-15")
def test_a_forbidden_name_is_not_listed_on_request(
    discovery: Session, target: TestedTarget
) -> None:
    """SendTargets=<name> does not return a target that the initiator may not access."""
    records = discovery.send_targets(target.running.special[Special.FORBIDDEN])

    check(not [key for key, _ in records if key == "TargetName"], "no name", records)
