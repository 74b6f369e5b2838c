# SPDX-License-Identifier: GPL-2.0-only
"""Logins that the target must refuse, and the status (RFC 7143 6.3.1, 11.13.5)."""

import pytest

from initiator.expect import check, clause, expect_drop
from initiator.login import LoginExchange, LoginOptions
from iscsi.constants import LoginStatus, Stage
from iscsi.keys import KEYS
from iscsi.negotiation import is_admissible
from iscsi.text import Pairs
from suites.support.login import advance, ask, expect_no_login, expect_refusal, provoke

_UNKNOWN = "iqn.2001-04.com.example:assay.no-such-target"
_STAGES = [Stage.SECURITY, Stage.OPERATIONAL]
_TAG = KEYS["TargetPortalGroupTag"]


def _without(pairs: Pairs, name: str) -> Pairs:
    return [pair for pair in pairs if pair[0] != name]


def _with(pairs: Pairs, name: str, value: str) -> Pairs:
    return [*_without(pairs, name), (name, value)]


@pytest.mark.requirement("RFC7143-11.13.5-i02")
@pytest.mark.parametrize("stage", _STAGES)
@pytest.mark.parametrize("name", ["InitiatorName", "TargetName"])
def test_name_is_missing(
    login: LoginExchange, first_pairs: Pairs, name: str, stage: Stage
) -> None:
    """The target refuses a first request without a name as the initiator's error."""
    expect_no_login(login, _without(first_pairs, name), csg=stage)


@pytest.mark.requirement("RFC7143-11.13.5-i02")
def test_text_is_missing(login: LoginExchange) -> None:
    """The target refuses a first request without text as the initiator's error."""
    expect_no_login(login, [])


@pytest.mark.requirement("RFC7143-11.13.5-i02")
def test_initiator_name_is_missing_for_discovery(login: LoginExchange) -> None:
    """A discovery login without InitiatorName is refused as the initiator's error."""
    expect_no_login(login, [("SessionType", "Discovery")])


@pytest.mark.requirement("RFC7143-11.13.5-i06")
@pytest.mark.parametrize("stage", _STAGES)
@pytest.mark.parametrize("name", ["InitiatorName", "TargetName"])
def test_missing_name_is_reported(
    login: LoginExchange, first_pairs: Pairs, name: str, stage: Stage
) -> None:
    """The target refuses a first request without a name with status 0207."""
    pairs = _without(first_pairs, name)

    expect_no_login(login, pairs, LoginStatus.MISSING_PARAMETER, csg=stage)


@pytest.mark.requirement("RFC7143-11.13.5-i01")
@pytest.mark.parametrize("stage", _STAGES)
@pytest.mark.parametrize(
    "name",
    [
        _UNKNOWN,
        "eui.02004567A425678D",
        "naa.62004567BA64678D0123456789ABCDEF",
        f"{_UNKNOWN}:" + "x" * (222 - len(_UNKNOWN)),
    ],
    ids=["iqn", "eui", "naa", "223-bytes"],
)
def test_target_is_unknown(
    login: LoginExchange, first_pairs: Pairs, stage: Stage, name: str
) -> None:
    """The target refuses a login to an unknown target name as not found."""
    pairs = _with(first_pairs, "TargetName", name)

    expect_no_login(login, pairs, LoginStatus.NOT_FOUND, csg=stage)


@pytest.mark.requirement("RFC7143-11.13.5-i01")
def test_target_name_is_a_part_of_one(
    login: LoginExchange, first_pairs: Pairs, options: LoginOptions
) -> None:
    """The target refuses a login to the beginning of its name as not found."""
    assert options.target_name is not None
    pairs = _with(first_pairs, "TargetName", options.target_name[:-1])

    expect_no_login(login, pairs, LoginStatus.NOT_FOUND)


@pytest.mark.requirement("RFC7143-11.13.2-i01")
@pytest.mark.parametrize("lowest", [1, 2, 255])
def test_version_is_beyond_the_targets(
    login: LoginExchange, first_pairs: Pairs, lowest: int
) -> None:
    """The target refuses a login of later versions and names the lowest it supports."""
    provoke(login, first_pairs, version_max=255, version_min=lowest)

    response = expect_refusal(login, LoginStatus.UNSUPPORTED_VERSION)

    assert response is not None
    check(response.version_active == 0, "Version-active 0", response.version_active)


@pytest.mark.requirement("RFC7143-11.12.4.1-02", "RFC7143-11.12.4.2-02")
@pytest.mark.parametrize("highest", [1, 255])
def test_version_range_that_includes_the_targets(
    login: LoginExchange, first_pairs: Pairs, highest: int
) -> None:
    """The target accepts a version range that contains 0, with version 0."""
    response, _text = ask(login, first_pairs, version_max=highest, version_min=0)

    check(response.version_active == 0, "Version-active 0", response.version_active)


@pytest.mark.requirement("RFC7143-11.12.4.1-02", "RFC7143-11.12.4.2-02")
def test_version_of_the_first_request_counts(
    login: LoginExchange, first_pairs: Pairs
) -> None:
    """The target ignores the versions in later Login Requests."""
    first, _text = ask(login, first_pairs)

    provoke(login, csg=Stage.OPERATIONAL, version_max=255, version_min=255)
    response = login.receive()

    check(response.version_active == first.version_active, "the same", response)
    check(response.status != LoginStatus.UNSUPPORTED_VERSION, "no 0205", response)


@pytest.mark.requirement("RFC7143-11.13.5-i05")
def test_session_type_is_not_supported(
    login: LoginExchange, first_pairs: Pairs
) -> None:
    """The target refuses an unknown SessionType as not supported."""
    pairs = _with(first_pairs, "SessionType", "Boot")
    allowed = (LoginStatus.SESSION_TYPE_NOT_SUPPORTED, LoginStatus.INITIATOR_ERROR)

    expect_no_login(login, pairs, *allowed)


@pytest.mark.requirement("RFC7143-7.12-01", "RFC7143-7.12-i01", "RFC7143-6.1-i01")
@pytest.mark.parametrize("kind", ["discovery", "NORMAL", "Discover", ""])
def test_session_type_is_misspelt(
    login: LoginExchange, first_pairs: Pairs, kind: str
) -> None:
    """The target refuses a SessionType that is not spelt Normal or Discovery."""
    pairs = _with(first_pairs, "SessionType", kind)

    expect_no_login(login, pairs)


@pytest.mark.requirement("RFC7143-6.3.1-i01", "RFC7143-11.12.6-04")
@pytest.mark.parametrize("stage", _STAGES)
@pytest.mark.parametrize("tsih", [1, 0x1234, 0xFFFF])
def test_session_does_not_exist(
    login: LoginExchange, first_pairs: Pairs, tsih: int, stage: Stage
) -> None:
    """The target refuses a new ISID with a TSIH other than 0: no such session."""
    login.tsih = tsih
    pairs = _without(first_pairs, "SessionType")

    expect_no_login(login, pairs, LoginStatus.SESSION_DOES_NOT_EXIST, csg=stage)


@pytest.mark.requirement("RFC7143-11.13.5-06")
@pytest.mark.parametrize(
    "name", ["InitiatorName", "TargetName", "unknown target", "version"]
)
def test_connection_is_closed_after_a_refusal(
    login: LoginExchange, first_pairs: Pairs, name: str
) -> None:
    """The target closes the connection after a status other than 0."""
    pairs = {"unknown target": _with(first_pairs, "TargetName", _UNKNOWN)}
    fields = {"version": {"version_max": 9, "version_min": 9}}
    text = pairs.get(name, _without(first_pairs, name))

    provoke(login, text, nsg=Stage.FULL_FEATURE, **fields.get(name, {}))

    expect_refusal(login)
    expect_drop(login.connection)


@pytest.mark.requirement("RFC7143-11.13-i01")
def test_refusal_bears_the_tag_of_the_request(
    login: LoginExchange, first_pairs: Pairs
) -> None:
    """A Login Response that refuses has the request's ITT.

    No clause defines its ISID, since there is no session that it could name.
    """
    login.initiator_task_tag = 0x0BADCAFE

    pairs = _with(first_pairs, "TargetName", _UNKNOWN)
    response = expect_no_login(login, pairs)

    check(response.initiator_task_tag == 0x0BADCAFE, "ITT 0xbadcafe", response)


@pytest.mark.requirement("RFC7143-4.2.7.1-03")
@pytest.mark.parametrize("length", [222, 223])
def test_long_initiator_name_is_accepted(
    login: LoginExchange, first_pairs: Pairs, length: int
) -> None:
    """The target accepts an InitiatorName of up to 223 bytes."""
    name = "iqn.2026-11.com.example:".ljust(length, "n")

    response = advance(login, _with(first_pairs, "InitiatorName", name))

    check(response.nsg == Stage.FULL_FEATURE, "a completed login", response)


@pytest.mark.requirement("RFC7143-4.2.7.1-01")
@pytest.mark.parametrize(
    "name",
    [
        "iqn.2026-11.com.example",
        "iqn.2026-11.com.example:a:b.c-d",
        "iqn.2026-11.com.example:gerät",
        "eui.02004567a425678d",
        "naa.52004567ba64678d",
        "naa.62004567ba64678d0123456789abcdef",
    ],
)
def test_initiator_name_of_any_type_is_accepted(
    login: LoginExchange, first_pairs: Pairs, name: str
) -> None:
    """The target accepts an InitiatorName of type iqn, eui or naa.

    The names are in lower case, since section 4.2.7.1 prohibits capitals in any name.
    """
    response = advance(login, _with(first_pairs, "InitiatorName", name))

    check(response.nsg == Stage.FULL_FEATURE, "a completed login", response)


@pytest.mark.requirement("RFC7143-6.3.1-01", "RFC7143-11.13.8-01")
@pytest.mark.parametrize("stage", _STAGES)
def test_first_response_bears_the_portal_group_tag(
    login: LoginExchange, first_pairs: Pairs, stage: Stage
) -> None:
    """The first response to a complete text has TargetPortalGroupTag."""
    method = [("AuthMethod", "None")] if stage is Stage.SECURITY else []

    _response, answers = ask(login, [*first_pairs, *method], csg=stage)

    tags = [value for name, value in answers if name == "TargetPortalGroupTag"]
    check(len(tags) == 1, "one TargetPortalGroupTag", answers)


@pytest.mark.requirement("RFC7143-13.9-i01")
def test_portal_group_tag_has_16_bits(login: LoginExchange, first_pairs: Pairs) -> None:
    """TargetPortalGroupTag is a number of 16 bits."""
    _response, answers = ask(login, first_pairs)

    tag = dict(answers).get(_TAG.name, "")
    check(is_admissible(_TAG, tag), "a number from 0 to 65535", answers)


@pytest.mark.requirement("RFC7143-6.3.1-01", "RFC7143-6.2-02")
def test_portal_group_tag_waits_for_the_complete_text(
    login: LoginExchange, first_pairs: Pairs
) -> None:
    """TargetPortalGroupTag is sent after the first request with C=0, not before."""
    early, nothing = ask(login, first_pairs, continuation=1)
    with clause("RFC7143-6.1-i05"):
        _response, answers = ask(login, [("HeaderDigest", "None")])

    check(not nothing, "an empty response to C=1", early, requirement="RFC7143-6.2-02")
    check("TargetPortalGroupTag" in dict(answers), "TargetPortalGroupTag", answers)


@pytest.mark.requirement("RFC7143-6.3.1-01", "RFC7143-13.9-i01")
def test_portal_group_tag_on_a_named_discovery_session(
    login: LoginExchange,
    options: LoginOptions,
    discovery_pairs: Pairs,
    discovery_stage: Stage,
) -> None:
    """The target sends TargetPortalGroupTag on a named Discovery session, too."""
    assert options.target_name is not None

    _response, answers = ask(
        login,
        [*discovery_pairs, ("TargetName", options.target_name)],
        csg=discovery_stage,
    )

    check("TargetPortalGroupTag" in dict(answers), "TargetPortalGroupTag", answers)
