# SPDX-License-Identifier: GPL-2.0-only
"""Groups the failures of a run by cause, comparing their values.

Failures have one cause where what is known of them as values says so:

- the target died in the same function; or, where no function is known, by the same
  signal in checks of the same requirement;
- the same requirement is broken, by whatever answer but silence (logins refused for
  different reasons are separate); or by one check with several parameters;
- requirements that have the same rule for several cases (`like` in the catalogue) are
  broken alike: all carried out, all refused for one reason, all left unanswered, or all
  reported by the same codes;
- a target that serves no login after a check gives the same answer to each;
- one check with several parameters gets the same answer (`Failure.pdu`, `field`,
  `answer`) that breaks several requirements, or carries the same ones each time;
- the same field or text key is wrong in the same way, whatever requirement each check
  looks at: that is one act of the target;
- the same answer breaks requirements of one section, or requirements that one check
  carries together, or that restate each other;
- the same requirement is broken, and the same combination of what is negotiated
  provokes that (`--strength`); failures that need another one are never joined;
- checks that carry a requirement together are refused for the same reason;
- the requirements are of one section about a text key (RFC 7143 chapter 13);
- data is read back otherwise than it was written, by plain reads and writes too;
- one entry of the known deviations lists both, and one rests on the other;
- the answer is wrong wherever it comes, such as CHECK CONDITION without sense data, or
  gives a reason that leaves no doubt, such as that immediate commands are rejected.

An answer that says little joins no requirements of different sections. Silence, GOOD
or a login that continues instead of a refusal, and a refusal for an unnamed reason
join none of one section either.
"""

import re
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

from reports.answers import Treatment, treatment
from reports.combinations import set_of
from reports.model import Check, Ending, EndingKind
from reports.severity import DATA_AREAS, OTHER_DATA
from spec import Requirement

_DROPPED = EndingKind.DROPPED
_WRONG_ANYWHERE = frozenset(
    {
        "a part of a PDU",
        "DataIn CHECK CONDITION",
        "LogoutResponse 0x01",
        "LogoutResponse 0x02",
        "LogoutResponse 0x03",
        "SCSIResponse ACA ACTIVE",
        "SCSIResponse BUSY",
        "SCSIResponse CHECK CONDITION",
        "SCSIResponse CHECK CONDITION malformed sense",
        "Reject 0x02",
        "Reject 0x03",
        "Reject 0x05",
        "Reject 0x06",
        "Reject 0x07",
        "Reject 0x08",
        "Reject 0x0a",
        "Reject 0x0c",
    }
)
"""Answers that show their cause by themselves.

Reject with reason 4 or 9, Protocol Error and Invalid PDU field, is no such answer.
"""

_TELLING = (
    "LoginResponse 0202",
    "LoginResponse 0203",
    "LoginResponse 0204",
    "LoginResponse 0205",
    "LoginResponse 0206",
    "LoginResponse 0207",
    "LoginResponse 0208",
    "LoginResponse 0209",
    "LoginResponse 020a",
    "LoginResponse 020b",
    "LoginResponse 03",
    "SCSIResponse CHECK CONDITION 2h/",
    "SCSIResponse CHECK CONDITION 3h/",
    "SCSIResponse CHECK CONDITION 4h/",
    "SCSIResponse CHECK CONDITION 5h/49h/",
    "SCSIResponse CHECK CONDITION 5h/53h/02h",
    "SCSIResponse CHECK CONDITION Bh/",
)
"""The beginnings of refusals because of the target's state, not of the request.

A login may be refused with status 0200 or 0201 for many reasons, and so may a command
with ILLEGAL REQUEST.
"""

_OTHER_DATA = (OTHER_DATA, "SCSIResponse CHECK CONDITION Eh/")
"""How a check finds wrong data: by a read, or by MISCOMPARE."""

_CODES = re.compile(r"[A-Z]+(?:_[A-Z]+)+(?:, [A-Z]+(?:_[A-Z]+)+)*")
"""The answer of a list of codes, such as the names of unit attentions."""

_NONE = "none"
"""The answer of an empty list of codes."""

_GOOD = frozenset({"GOOD", "SCSIResponse GOOD"})

_MANY_REASONS = frozenset(
    {"LoginResponse 0000", "LoginResponse 0200", "LoginResponse 0201", *_GOOD}
)
"""Answers that do not join requirements of a section, since each may have another
reason."""

_LOGIN = "LoginResponse"

_SAYS_NOTHING = frozenset({"", "LoginResponse 0000", *_GOOD})
"""Answers that do not join requirements of a check, since they may have any reason."""

_KEYS_DOCUMENT, _KEYS_CHAPTER = "RFC 7143", "13."

_PLAIN_AREAS = frozenset({"data-in", "data-out-r2t", "read", "write"})


@dataclass(frozen=True, slots=True, order=True)
class Cause:
    """The known facts about one failure, without those that differ between checks."""

    requirement: str
    pdu: str = ""
    field: str = ""
    answer: str = ""
    end: tuple[str, ...] = ()
    """How the target ended: the kind, and the function or the signal."""
    combination: tuple[str, ...] = ()
    """The parameters that provoke it, if they are not the defaults."""


def cause_of(check: Check) -> Cause:
    """Return the values that identify the cause of a failed check."""
    ending = end_of(check)
    requirement = clauses_of(check)[0]
    if ending is not None:
        what = ending.functions[:1] or (ending.signal or str(ending.status or ""),)
        return Cause(
            requirement,
            end=(ending.kind, ending.report_kind, *what),
            combination=set_of(check),
        )
    return _cause_of_failure(check, requirement)


def _cause_of_failure(check: Check, requirement: str) -> Cause:
    failure = check.failure
    if failure is None:
        return Cause(requirement, combination=set_of(check))
    return Cause(
        requirement,
        failure.pdu,
        failure.field,
        failure.answer,
        combination=set_of(check),
    )


def clauses_of(check: Check) -> tuple[str, ...]:
    """Return the requirements that a failed check shows to be broken."""
    if check.failure is not None and check.failure.requirement:
        others = [one for one in check.broken if one != check.failure.requirement]
        return (check.failure.requirement, *others)
    return check.broken or check.requirements or ("",)


def end_of(check: Check) -> Ending | None:
    """Return how the target ended; a lost connection is not an end."""
    ending = check.ending
    return None if ending is None or ending.kind is _DROPPED else ending


def related_of(
    checks: Iterable[Check], catalogue: Mapping[str, Requirement]
) -> Mapping[str, set[str]]:
    """Return for each requirement those that share a check with it, or restate it."""
    related: defaultdict[str, set[str]] = defaultdict(set)
    for check in checks:
        for name in check.requirements:
            related[name].update(check.requirements)
    for name, entry in catalogue.items():
        if entry.same_as:
            related[name].add(entry.same_as)
            related[entry.same_as].add(name)
    return related


class _Sets:
    """Numbers in sets that can be joined (union-find)."""

    def __init__(self, size: int) -> None:
        self._parents = list(range(size))

    def root(self, number: int) -> int:
        """Return the number that represents its set."""
        while self._parents[number] != number:
            self._parents[number] = self._parents[self._parents[number]]
            number = self._parents[number]
        return number

    def join(self, one: int, other: int) -> None:
        """Merge the sets of two numbers."""
        self._parents[self.root(other)] = self.root(one)


def groups_of(
    checks: Sequence[Check],
    related: Mapping[str, set[str]],
    catalogue: Mapping[str, Requirement],
) -> list[list[Check]]:
    """Group the checks by their causes.

    Failures that need different combinations have different causes.
    """
    by_set: dict[tuple[str, ...], list[Check]] = {}
    for check in checks:
        by_set.setdefault(set_of(check), []).append(check)
    return [
        group
        for members in by_set.values()
        for group in _groups_of_one_set(members, related, catalogue)
    ]


def _groups_of_one_set(
    checks: Sequence[Check],
    related: Mapping[str, set[str]],
    catalogue: Mapping[str, Requirement],
) -> list[list[Check]]:
    sets = _Sets(len(checks))
    causes = [cause_of(check) for check in checks]
    firsts: dict[Hashable, int] = {}
    for number, (check, cause) in enumerate(zip(checks, causes, strict=True)):
        for key in _keys(check, cause, catalogue.get(cause.requirement)):
            sets.join(firsts.setdefault(key, number), number)
    for one, other in _by_answer(causes):
        if causes[other].requirement in related[causes[one].requirement]:
            sets.join(one, other)
    for one, other in pairwise(_data_mismatches(causes, catalogue)):
        sets.join(one, other)
    for one, other in _listed_together(checks):
        sets.join(one, other)
    groups: dict[int, list[Check]] = {}
    for number, check in enumerate(checks):
        groups.setdefault(sets.root(number), []).append(check)
    return list(groups.values())


def _listed_together(checks: Sequence[Check]) -> Iterator[tuple[int, int]]:
    """Yield each listed failure with its proof, if one entry of the list has both."""
    numbers = {check.check: number for number, check in enumerate(checks)}
    for number, check in enumerate(checks):
        proof = numbers.get(check.rests_on)
        if proof is not None and checks[proof].deviation == check.deviation != "":
            yield proof, number


def _keys(
    check: Check, cause: Cause, requirement: Requirement | None
) -> list[Hashable]:
    """Return the values that failures must share to have the same cause."""
    keys: list[Hashable] = [cause]
    if cause.combination:
        keys.append(("combination", cause.requirement))
    if check.deviation:
        keys.append(("deviation", check.deviation, cause.requirement))
    function = check.check.partition("[")[0]
    if cause.end:
        if check.ending is not None and check.ending.functions:
            keys.append(("end", cause.end))
        if EndingKind.HUNG in cause.end:
            keys.append(("check", cause.requirement, function))
        if not _is_known_by_its_answer(check):
            return keys
        cause = _cause_of_failure(check, cause.requirement)
        keys += [cause, ("unserved", cause.pdu, cause.field, cause.answer)]
    keys += _keys_of_answer(check, cause)
    if requirement is not None:
        keys += _keys_of_section(check, cause, requirement)
        keys += _keys_of_like_rules(check, cause, requirement)
    return keys


def _is_known_by_its_answer(check: Check) -> bool:
    """Tell whether a target that serves no login after a check still answers logins."""
    ending, failure = check.ending, check.failure
    if ending is None or failure is None or ending.kind is not EndingKind.HUNG:
        return False
    return treatment(failure) is not Treatment.SILENT


def _keys_of_answer(check: Check, cause: Cause) -> list[Hashable]:
    """Return the values that failures share in which the target did the same."""
    function = check.check.partition("[")[0]
    kind = None if check.failure is None else treatment(check.failure)
    if cause.answer in _WRONG_ANYWHERE:
        # The answer is wrong by itself, so it proves nothing about the rule of its
        # check.
        return [("answer", cause.answer)]
    keys: list[Hashable] = [("check", cause.requirement, function)]
    keys.append(("carries", function, check.requirements))
    if kind in (Treatment.REFUSED, Treatment.DONE):
        is_refused_login = kind is Treatment.REFUSED and cause.answer.startswith(_LOGIN)
        reason = cause.answer if is_refused_login else ""
        keys.append(("rule", cause.requirement, reason))
    if kind is Treatment.REFUSED and cause.answer not in _MANY_REASONS:
        keys += [("refused", name, cause.answer) for name in check.requirements]
    if cause.answer:
        keys.append(("answers", function, cause.pdu, cause.field, cause.answer))
    if cause.field:
        keys.append(("field", cause.pdu, cause.field, cause.answer))
    if cause.answer.startswith(_TELLING):
        keys.append(("answer", cause.answer))
    return keys


def _keys_of_like_rules(
    check: Check, cause: Cause, requirement: Requirement
) -> list[Hashable]:
    """Return the keys shared by failures that break one rule in several cases.

    Refusals are equal if they give the same reason, lists of codes if they contain the
    same ones, other answers if all of them have contents or all are empty.
    """
    if check.failure is None:
        return []
    kind = treatment(check.failure)
    is_empty = not cause.answer.strip("[](), ") or cause.answer == _NONE
    how: Hashable = (kind, is_empty)
    if kind is Treatment.REFUSED:
        how = cause.answer
    elif _CODES.fullmatch(cause.answer):
        how = frozenset(cause.answer.split(", "))
    return [("like", name, how) for name in (requirement.id, *requirement.like)]


def _keys_of_section(
    check: Check, cause: Cause, requirement: Requirement
) -> list[Hashable]:
    """Return the values that failures of requirements in one section share."""
    place = requirement.document, requirement.section
    failure = check.failure
    if failure is None or not failure.answer or treatment(failure) is Treatment.SILENT:
        return []
    if failure.answer in _MANY_REASONS:
        return []
    keys: list[Hashable] = []
    keys.append(("section", *place, cause.pdu, cause.field, cause.answer))
    if place[0] == _KEYS_DOCUMENT and place[1].startswith(_KEYS_CHAPTER):
        keys.append(("key", *place))
    return keys


def _by_answer(causes: Sequence[Cause]) -> Iterator[tuple[int, int]]:
    """Yield each pair of failures with the same answer, one for each requirement."""
    first: dict[Cause, int] = {}
    for number, cause in enumerate(causes):
        if not cause.end and cause.answer not in {"", *_MANY_REASONS}:
            first.setdefault(cause, number)
    alike: defaultdict[Hashable, list[int]] = defaultdict(list)
    for cause, number in first.items():
        alike[cause.pdu, cause.field, cause.answer].append(number)
    for numbers in alike.values():
        yield from combinations(numbers, 2)


def _data_mismatches(
    causes: Sequence[Cause], catalogue: Mapping[str, Requirement]
) -> list[int]:
    """Return the failures in which the data read differs from the data written.

    They have one cause if plain reads and writes are among them, since every other
    command is judged by these. Otherwise each command may be wrong by itself.
    """
    areas = {
        number: entry.area
        for number, cause in enumerate(causes)
        if cause.answer.startswith(_OTHER_DATA)
        and (entry := catalogue.get(cause.requirement)) is not None
        and entry.area in DATA_AREAS
    }
    return [] if _PLAIN_AREAS.isdisjoint(areas.values()) else list(areas)
