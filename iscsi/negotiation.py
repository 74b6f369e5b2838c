# SPDX-License-Identifier: GPL-2.0-only
"""Text negotiation for both roles: answers to offers, and the verdict on answers.

`answer` returns the answer of a correct acceptor, `conclude` the result of an answer
for its proposer; both are pure functions over the table of `iscsi.keys`. A `Negotiator`
keeps one end's state during a login or one text exchange (RFC 7143 sections 6.2 and
6.3).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from iscsi import text
from iscsi.constants import Role
from iscsi.errors import DecodeError, NegotiationError
from iscsi.keys import KEYS, Key, Kind

_BOOLEAN_DETERMINED = {Kind.AND: "No", Kind.OR: "Yes"}
"""The offer that decides a boolean by itself, so that an answer is optional (6.2.2)."""

_ONCE = "RFC7143-6.3-14"
"""The clause that forbids negotiating or declaring a key again."""

_DEPENDENT = ("FirstBurstLength", "MaxOutstandingR2T")
"""Keys whose answers depend on other keys, and which are answered last."""

DISCOVERY_VALUES = {"ErrorRecoveryLevel": "0", "MaxConnections": "1"}
"""The values that a Discovery session keeps (sections 13.21 and 7.4.1)."""


def is_admissible(key: Key, value: str) -> bool:
    """Tell whether a value may be offered or declared for a key at all."""
    if value in text.RESERVED_ANSWERS:
        return False
    if key.is_boolean:
        return value in ("Yes", "No")
    if key.is_numerical:
        try:
            return key.low <= text.parse_number(value) <= key.high
        except DecodeError:
            return False
    if key.kind is Kind.CHOICE:
        return value in key.choices
    if key.kind is Kind.LIST:
        return all(text.parse_list(value)) and bool(value)
    return True


def answer(key: Key, offered: str, own: str) -> str | None:
    """Return a correct acceptor's answer to an offer, or None if it needs no answer.

    Args:
        key: the row of the table.
        offered: the value received.
        own: the choice of this side: a number, Yes or No, or a list of supported
            values.
    """
    if key.kind is Kind.OBSOLETE:
        return text.REJECT
    if key.is_declarative or key.kind is Kind.REQUEST:
        return None
    if not is_admissible(key, offered):
        return text.REJECT
    if key.kind is Kind.LIST:
        supported = text.parse_list(own)
        common = (item for item in text.parse_list(offered) if item in supported)
        return next(common, text.REJECT)
    if key.is_boolean:
        decisive = _BOOLEAN_DETERMINED[key.kind]
        return decisive if decisive in (offered, own) else offered
    pick = min if key.kind is Kind.MINIMUM else max
    return str(pick(text.parse_number(offered), text.parse_number(own)))


RESULT_CLAUSES: Mapping[str, str] = {
    "MaxConnections": "RFC7143-13.2-i01",
    "InitialR2T": "RFC7143-13.10-i01",
    "ImmediateData": "RFC7143-13.11-i01",
    "MaxBurstLength": "RFC7143-13.13-i01",
    "FirstBurstLength": "RFC7143-13.14-i01",
    "DefaultTime2Wait": "RFC7143-13.15-i01",
    "DefaultTime2Retain": "RFC7143-13.16-i01",
    "MaxOutstandingR2T": "RFC7143-13.17-i01",
    "DataPDUInOrder": "RFC7143-13.18-i01",
    "DataSequenceInOrder": "RFC7143-13.19-i01",
    "ErrorRecoveryLevel": "RFC7143-13.20-i01",
    "iSCSIProtocolLevel": "RFC7143-13.24-01",
}
"""The clause on the range and the result function of a key, by its name."""


def clause_of_result(key: Key, answered: str) -> str:
    """Return the clause that an answer breaks if its key's rule does not permit it."""
    if key.name in RESULT_CLAUSES:
        return RESULT_CLAUSES[key.name]
    if key.kind in (Kind.LIST, Kind.METHOD):
        return "RFC7143-6.2.1-02" if answered == "None" else "RFC7143-6.2.1-01"
    return "RFC7143-13-i03"


def clause_of_silence(key: Key) -> str:
    """Return the clause that requires an answer to an offer of a key."""
    if key.is_boolean:
        return "RFC7143-6.2.2-05"
    return "RFC7143-6.2.1-01" if key.kind is Kind.LIST else "RFC7143-6.2.2-01"


def conclude(key: Key, offered: str, answered: str | None) -> str | None:
    """Return the result of an offer and its answer, judging the answer.

    A number is returned in decimal. None means that nothing was agreed, so that the
    present value stays (section 6.2).

    Raises:
        NegotiationError: the key's rule does not permit the answer.
    """

    def fail(why: str, requirement: str) -> NegotiationError:
        return NegotiationError(
            f"{key.name}={answered} answers {key.name}={offered}: {why}",
            key=key.name,
            offered=offered,
            answered=answered,
            requirement=requirement,
        )

    if answered is None:
        if key.is_declarative or key.kind is Kind.REQUEST:
            return offered
        if _BOOLEAN_DETERMINED.get(key.kind) == offered:
            return offered
        raise fail("the answer is missing", clause_of_silence(key))
    if answered == text.NOT_UNDERSTOOD and key.name.startswith("X"):
        return None  # an extension (section 13.26)
    if answered == text.NOT_UNDERSTOOD:
        raise fail("every key of RFC 7143 must be understood", "RFC7143-6.2-15")
    if answered in (text.REJECT, text.IRRELEVANT):
        return None
    if key.is_declarative:
        return offered
    if not _follows_rule(key, offered, answered):
        raise fail(
            f"not allowed by its rule ({key.kind})", clause_of_result(key, answered)
        )
    return _plain(key, answered)


def safe_value(key: Key, offered: str, answered: str | None) -> str | None:
    """Return a value that is safe for both ends after an answer that breaks its rule.

    A target may use its answer or the offer, or the default if it gave no answer. The
    key's own result function finds the value that suits both: the smaller of two
    lengths, InitialR2T=Yes. None means that there is none, so that the default applies.
    """
    other = answered if answered is not None else key.default
    if key.kind is Kind.LIST or key.is_declarative or other is None:
        return None
    if not is_admissible(key, other):
        other = key.default
    if other is None or not is_admissible(key, offered):
        return None
    result = answer(key, other, offered)
    return None if result == text.REJECT else result


def _plain(key: Key, value: str) -> str:
    """Return a value unchanged, except that a hexadecimal number becomes decimal."""
    return str(text.parse_number(value)) if key.is_numerical else value


def _follows_rule(key: Key, offered: str, answered: str) -> bool:
    if not is_admissible(key, answered):
        return False
    if key.kind is Kind.LIST:
        return answered in text.parse_list(offered)
    if key.is_boolean:
        decisive = _BOOLEAN_DETERMINED[key.kind]
        return offered != decisive or answered == decisive
    if key.is_numerical and is_admissible(key, offered):
        result, proposal = text.parse_number(answered), text.parse_number(offered)
        return result <= proposal if key.kind is Kind.MINIMUM else result >= proposal
    return True


@dataclass(slots=True)
class Negotiator:
    """One end's record of a negotiation: offers, declarations, answers and results.

    Keys of authentication methods, SendTargets and the names are kept as `declared` for
    the caller.
    """

    role: Role
    own: Mapping[str, str]
    """The choices of this side, by key."""
    is_discovery: bool = False
    offered: dict[str, str] = field(default_factory=dict)
    """Our offers without an answer so far."""
    results: dict[str, str] = field(default_factory=dict)
    """The agreed values."""
    declared: dict[str, str] = field(default_factory=dict)
    """The values that the peer has declared."""
    seen: set[str] = field(default_factory=set)
    """Keys that the peer has offered or declared, which it may do only once (section
    6.3)."""
    answered: set[str] = field(default_factory=set)
    """Keys of ours that the peer has answered."""
    is_lenient: bool = False
    """True records violations and continues as far as possible."""
    takes_any_answer: bool = False
    """True ignores only wrong answers to our offers."""
    violations: list[NegotiationError] = field(default_factory=list)

    def offer(self, name: str, value: str) -> None:
        """Record that this side offers or declares a key."""
        self.offered[name] = value

    def receive(self, pairs: text.Pairs) -> text.Pairs:
        """Process the peer's pairs; return the answers that they need.

        Raises:
            NegotiationError: a repeated key, a reserved word offered, or an answer
                that breaks its key's rule.
        """
        answers: text.Pairs = []
        ordered = sorted(pairs, key=lambda pair: pair[0] in _DEPENDENT)
        for name, value in ordered:
            if name in self.offered and not _is_declaration(name, value):
                self._conclude(name, value)
                continue
            try:
                reply = self._accept(name, value)
            except NegotiationError as error:
                if not self.is_lenient:
                    # Raised here: a frame that keeps its own error would form a
                    # reference cycle.
                    raise
                self.violations.append(error)
                self._keep_stricter(name, value)
                continue
            if reply is not None:
                answers.append((name, reply))
        return answers

    def _keep_stricter(self, name: str, value: str) -> None:
        """Return the safe one of two declarations of a number."""
        key, earlier = KEYS.get(name), self.declared.get(name)
        if key and key.is_numerical and earlier and is_admissible(key, value):
            numbers = text.parse_number(earlier), text.parse_number(value)
            self.declared[name] = str(min(numbers))

    def settle(self) -> None:
        """End the exchange: judge the offers without an answer.

        Raises:
            NegotiationError: an offer that needed an answer got none.
        """
        for name in list(self.offered):
            self._conclude(name, None)

    def _conclude(self, name: str, value: str | None) -> None:
        offered = self.offered.pop(name)
        if value is not None:
            self.answered.add(name)
        key = KEYS.get(name)
        if key is None:
            return
        try:
            agreed = conclude(key, offered, value)
        except NegotiationError as error:
            if self.takes_any_answer:
                return
            if not self.is_lenient:
                raise
            self.violations.append(error)
            agreed = safe_value(key, offered, value)
        if agreed is not None and not key.is_declarative:
            self.results[name] = agreed

    def _accept(self, name: str, value: str) -> str | None:
        key = KEYS.get(name)
        if name in self.seen and not (key and key.may_repeat):
            raise _again(name, value, "was sent twice")
        if name in self.answered:
            raise _again(name, value, "was answered before")
        self.seen.add(name)
        if key is None:
            return None if value == text.NOT_UNDERSTOOD else text.NOT_UNDERSTOOD
        if value in text.RESERVED_ANSWERS:
            raise NegotiationError(
                f"{name}={value}: a reserved word was offered",
                key=name,
                offered=value,
                requirement="RFC7143-6.2-12",
            )
        if key.kind is Kind.METHOD:
            self.declared[name] = value
            return None
        if key.senders != frozenset(Role) and self.role in key.senders:
            raise NegotiationError(
                f"{name} may not be sent by the {_other(self.role)}",
                key=name,
                offered=value,
                requirement=_clause_of_sender(key),
            )
        if key.is_declarative or key.kind is Kind.REQUEST:
            return self._take_declaration(key, value)
        if key.irrelevant_in_discovery and self.is_discovery:
            return text.IRRELEVANT
        return self._choose(key, value)

    def _take_declaration(self, key: Key, value: str) -> str | None:
        if is_admissible(key, value):
            self.declared[key.name] = value
            return None
        if not self.is_lenient:
            return text.REJECT
        raise NegotiationError(
            f"{key.name}={value} is not a value of the key",
            key=key.name,
            offered=value,
            requirement=DECLARED_CLAUSES.get(key.name, "RFC7143-6.2-07"),
        )

    def _choose(self, key: Key, value: str) -> str | None:
        if key.name == "FirstBurstLength" and self._has_no_unsolicited_data():
            return text.IRRELEVANT
        reply = answer(key, value, self._own(key))
        if reply is not None and reply != text.REJECT:
            self.results[key.name] = reply
        return reply

    def _has_no_unsolicited_data(self) -> bool:
        return (
            self.results.get("InitialR2T", "Yes") == "Yes"
            and self.results.get("ImmediateData", "Yes") == "No"
        )

    def _own(self, key: Key) -> str:
        if self.is_discovery and key.name in DISCOVERY_VALUES:
            return DISCOVERY_VALUES[key.name]
        own = self.own.get(key.name, key.default or "")
        if key.name == "FirstBurstLength":
            # It must not exceed MaxBurstLength (section 13.14).
            burst = self.results.get("MaxBurstLength", KEYS["MaxBurstLength"].default)
            return str(min(int(own), text.parse_number(burst or own)))
        if key.name == "MaxOutstandingR2T" and self._needs_one_r2t():
            return "1"
        return own

    def _needs_one_r2t(self) -> bool:
        """With recovery and ordered sequences only one R2T may be pending (13.19)."""
        return (
            self.results.get("ErrorRecoveryLevel", "0") != "0"
            and self.results.get("DataSequenceInOrder", "Yes") == "Yes"
        )


DECLARED_CLAUSES: Mapping[str, str] = {
    "MaxRecvDataSegmentLength": "RFC7143-13.12-i01",
    "TargetPortalGroupTag": "RFC7143-13.9-i01",
}
"""The clause on the range of a key that a target declares, by its name."""


def _again(name: str, value: str, why: str) -> NegotiationError:
    clause = "RFC7143-13.26.1-02" if name == "X#NodeArchitecture" else _ONCE
    return NegotiationError(
        f"{name} {why}", key=name, offered=value, requirement=clause
    )


def _clause_of_sender(key: Key) -> str:
    """Return the clause that reserves a key for the other end."""
    if key.kind is Kind.REQUEST:
        return "RFC7143-13.3-i01"
    return "RFC7143-13.4-i01" if key.name == "TargetName" else "RFC7143-6.2-06"


def _is_declaration(name: str, value: str) -> bool:
    """Distinguish a declaration of the peer from its answer to ours."""
    key = KEYS.get(name)
    return key is not None and key.is_declarative and value not in text.RESERVED_ANSWERS


def _other(role: Role) -> Role:
    return Role.TARGET if role is Role.INITIATOR else Role.INITIATOR
