# SPDX-License-Identifier: GPL-2.0-only
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iscsi.constants import Role
from iscsi.errors import NegotiationError
from iscsi.keys import KEYS, Key, Kind, default
from iscsi.negotiation import Negotiator, answer, conclude, is_admissible
from iscsi.parameters import FIELD_OF_KEY, Parameters

NUMERICAL = [key for key in KEYS.values() if key.kind in (Kind.MINIMUM, Kind.MAXIMUM)]
BOOLEAN = [key for key in KEYS.values() if key.is_boolean]
LISTS = [key for key in KEYS.values() if key.kind is Kind.LIST]
NEGOTIATED = NUMERICAL + BOOLEAN + LISTS


def values_of(key: Key) -> st.SearchStrategy[str]:
    if key.is_boolean:
        return st.sampled_from(["Yes", "No"])
    if key.kind is Kind.LIST:
        return st.permutations(key.choices).map(",".join)
    return st.integers(key.low, key.high).map(str)


@st.composite
def offers(draw: st.DrawFn) -> tuple[Key, str, str]:
    key = draw(st.sampled_from(NEGOTIATED))
    return key, draw(values_of(key)), draw(values_of(key))


@given(offers())
def test_every_correct_answer_passes_the_judge(case: tuple[Key, str, str]) -> None:
    key, offered, own = case
    reply = answer(key, offered, own)

    assert reply is not None
    assert conclude(key, offered, reply) == reply


@given(offers())
def test_both_ends_come_to_the_same_result(case: tuple[Key, str, str]) -> None:
    key, offered, own = case
    initiator = Negotiator(Role.INITIATOR, {key.name: offered})
    target = Negotiator(Role.TARGET, {key.name: own})
    initiator.offer(key.name, offered)

    back = initiator.receive(target.receive([(key.name, offered)]))
    initiator.settle()

    assert back == []
    assert initiator.results == target.results


@pytest.mark.parametrize(
    ("name", "offered", "own", "reply"),
    [
        ("MaxBurstLength", "262144", "16384", "16384"),
        ("MaxBurstLength", "0x4000", "262144", "16384"),
        ("DefaultTime2Wait", "0", "2", "2"),
        ("DefaultTime2Retain", "20", "0", "0"),
        ("InitialR2T", "No", "No", "No"),
        ("InitialR2T", "No", "Yes", "Yes"),
        ("InitialR2T", "Yes", "No", "Yes"),
        ("ImmediateData", "Yes", "Yes", "Yes"),
        ("ImmediateData", "Yes", "No", "No"),
        ("ImmediateData", "No", "Yes", "No"),
        ("HeaderDigest", "None,CRC32C", "CRC32C,None", "None"),
        ("HeaderDigest", "Y-foo,CRC32C", "CRC32C,None", "CRC32C"),
        ("HeaderDigest", "Y-foo", "CRC32C,None", "Reject"),
        ("MaxBurstLength", "511", "262144", "Reject"),
        ("MaxBurstLength", "16777216", "262144", "Reject"),
        ("MaxConnections", "0", "8", "Reject"),
        ("ErrorRecoveryLevel", "3", "2", "Reject"),
        ("InitialR2T", "yes", "No", "Reject"),
        ("IFMarker", "No", "", "Reject"),
        ("OFMarkInt", "2048~8192", "", "Reject"),
    ],
)
def test_answers(name: str, offered: str, own: str, reply: str) -> None:
    assert answer(KEYS[name], offered, own) == reply


@pytest.mark.parametrize("name", ["MaxRecvDataSegmentLength", "InitiatorName"])
def test_a_declaration_needs_no_answer(name: str) -> None:
    assert answer(KEYS[name], "8192", "") is None
    assert conclude(KEYS[name], "8192", None) == "8192"


@pytest.mark.parametrize(
    ("name", "offered", "answered"),
    [
        ("MaxBurstLength", "1024", "2048"),
        ("DefaultTime2Wait", "5", "4"),
        ("InitialR2T", "Yes", "No"),
        ("ImmediateData", "No", "Yes"),
        ("HeaderDigest", "None", "CRC32C"),
        ("HeaderDigest", "None", "NotUnderstood"),
        ("MaxBurstLength", "1024", None),
        ("InitialR2T", "No", None),
        ("MaxBurstLength", "1024", "511"),
        ("MaxBurstLength", "1024", "Yes"),
    ],
)
def test_wrong_answers_are_found(name: str, offered: str, answered: str | None) -> None:
    with pytest.raises(NegotiationError) as caught:
        conclude(KEYS[name], offered, answered)

    assert (caught.value.key, caught.value.offered) == (name, offered)


@pytest.mark.parametrize(
    ("name", "value"), [("InitialR2T", "Yes"), ("ImmediateData", "No")]
)
def test_a_decisive_boolean_may_stay_unanswered(name: str, value: str) -> None:
    assert conclude(KEYS[name], value, None) == value


@pytest.mark.parametrize("word", ["Reject", "Irrelevant"])
def test_a_refusal_leaves_the_value_in_force(word: str) -> None:
    assert conclude(KEYS["MaxBurstLength"], "1024", word) is None


@pytest.fixture
def target() -> Negotiator:
    return Negotiator(Role.TARGET, {"InitialR2T": "No", "MaxOutstandingR2T": "8"})


def test_an_unknown_key_is_not_understood(target: Negotiator) -> None:
    assert target.receive([("X-com.example.k", "1")]) == [
        ("X-com.example.k", "NotUnderstood")
    ]


def test_a_key_comes_once(target: Negotiator) -> None:
    target.receive([("MaxBurstLength", "4096")])

    with pytest.raises(NegotiationError, match="twice"):
        target.receive([("MaxBurstLength", "4096")])


@pytest.mark.parametrize("word", ["Reject", "Irrelevant", "NotUnderstood"])
def test_a_reserved_word_is_no_offer(target: Negotiator, word: str) -> None:
    with pytest.raises(NegotiationError, match="reserved"):
        target.receive([("MaxBurstLength", word)])


def test_a_key_of_the_other_role_is_refused(target: Negotiator) -> None:
    with pytest.raises(NegotiationError, match="not be sent by the initiator"):
        target.receive([("TargetAlias", "x")])


def test_first_burst_never_exceeds_max_burst(target: Negotiator) -> None:
    replies = target.receive(
        [("FirstBurstLength", "65536"), ("MaxBurstLength", "4096")]
    )

    assert dict(replies) == {"MaxBurstLength": "4096", "FirstBurstLength": "4096"}


def test_first_burst_is_irrelevant_without_unsolicited_data(target: Negotiator) -> None:
    replies = target.receive(
        [
            ("InitialR2T", "Yes"),
            ("ImmediateData", "No"),
            ("FirstBurstLength", "4096"),
        ]
    )

    assert dict(replies)["FirstBurstLength"] == "Irrelevant"
    assert "FirstBurstLength" not in target.results


def test_recovery_with_ordered_sequences_takes_one_r2t() -> None:
    target = Negotiator(
        Role.TARGET, {"ErrorRecoveryLevel": "1", "MaxOutstandingR2T": "8"}
    )

    replies = target.receive([("MaxOutstandingR2T", "8"), ("ErrorRecoveryLevel", "1")])

    assert dict(replies)["MaxOutstandingR2T"] == "1"


@pytest.mark.parametrize(
    "key",
    [key for key in KEYS.values() if key.irrelevant_in_discovery],
    ids=lambda key: key.name,
)
def test_discovery_finds_session_keys_irrelevant(key: Key) -> None:
    target = Negotiator(Role.TARGET, {}, is_discovery=True)

    assert target.receive([(key.name, key.default or "")]) == [(key.name, "Irrelevant")]
    assert target.results == {}


def test_a_declaration_of_both_is_not_taken_for_an_answer() -> None:
    initiator = Negotiator(Role.INITIATOR, {})
    initiator.offer("MaxRecvDataSegmentLength", "262144")

    initiator.receive([("MaxRecvDataSegmentLength", "8192")])
    initiator.settle()

    assert initiator.declared == {"MaxRecvDataSegmentLength": "8192"}


def test_an_unanswered_offer_is_found_at_the_end() -> None:
    initiator = Negotiator(Role.INITIATOR, {})
    initiator.offer("MaxBurstLength", "4096")

    with pytest.raises(NegotiationError, match="the answer is missing"):
        initiator.settle()


def test_leniency_notes_wrong_answers_and_goes_on() -> None:
    initiator = Negotiator(Role.INITIATOR, {}, is_lenient=True)
    initiator.offer("TaskReporting", "FastAbort")

    initiator.receive([("TaskReporting", "NotUnderstood")])

    assert [error.key for error in initiator.violations] == ["TaskReporting"]
    assert initiator.results == {}


def test_defaults_of_the_record_are_those_of_the_table() -> None:
    defaults = Parameters()
    reported = Parameters()
    reported.update({name: default(name) for name in FIELD_OF_KEY})

    assert reported == defaults


def test_agreed_values_reach_the_record() -> None:
    parameters = Parameters()

    parameters.update(
        {"HeaderDigest": "CRC32C", "InitialR2T": "No", "MaxBurstLength": "0x200"}
    )

    assert parameters.digests.header
    assert not parameters.digests.data
    assert parameters.initial_r2t is False
    assert parameters.max_burst_length == 512


@pytest.mark.parametrize("key", KEYS.values(), ids=lambda key: key.name)
def test_every_default_is_admissible(key: Key) -> None:
    assert key.default is None or is_admissible(key, key.default)
