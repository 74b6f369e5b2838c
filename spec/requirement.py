# SPDX-License-Identifier: GPL-2.0-only
"""One requirement: its values, and values derived from them."""

from enum import StrEnum

import msgspec


class Level(StrEnum):
    """The strength of a demand, in the key words of RFC 2119."""

    MUST = "MUST"
    MUST_NOT = "MUST NOT"
    SHOULD = "SHOULD"
    SHOULD_NOT = "SHOULD NOT"
    MAY = "MAY"

    @property
    def strength(self) -> "Level":
        """MUST, SHOULD or MAY: the level without its negation."""
        return _STRENGTHS.get(self, self)


_STRENGTHS = {Level.MUST_NOT: Level.MUST, Level.SHOULD_NOT: Level.SHOULD}


class Subject(StrEnum):
    """The party that a requirement binds."""

    TARGET = "target"
    INITIATOR = "initiator"
    BOTH = "both"
    PROXY_OR_OTHER = "proxy-or-other"

    @property
    def is_target(self) -> bool:
        """True if it binds targets."""
        return self in (Subject.TARGET, Subject.BOTH)


class Observable(StrEnum):
    """How a tester can observe a requirement."""

    WIRE = "wire"
    """By reading the PDUs of any session."""
    PROVOKE = "provoke"
    """By sending a PDU that provokes it."""
    MULTI = "multi"
    """By using several connections, sessions or initiators."""
    INTERNAL = "internal"
    """Not at all: it does not show on the wire."""
    INITIATOR_ONLY = "initiator-only"
    """By testing an initiator: it does not show in the behaviour of a target."""

    @property
    def is_visible(self) -> bool:
        """Whether a black-box tester of targets can observe it."""
        return self not in (Observable.INTERNAL, Observable.INITIATOR_ONLY)


class Basis(StrEnum):
    """Why a sentence of a document counts as a requirement."""

    RFC2119 = "rfc2119"
    """The sentence has a key word."""
    IMPLIED = "implied"
    """The sentence is a table or a rule without a key word."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One requirement, in the form of the catalogue's files."""

    id: str
    section: str
    level: Level
    subject: Subject
    area: str
    observable: Observable
    text: str
    """The demand, in our own words."""
    basis: Basis = Basis.RFC2119
    same_as: str = ""
    """An earlier requirement that this one restates."""
    like: tuple[str, ...] = ()
    """Requirements with the same rule for another case, such as another command."""
    needs: tuple[str, ...] = ()
    """The optional features that it needs to apply."""
    untestable: str = ""
    """Why no black-box tester can check it, or an empty text."""


OWN = "Robustness"
"""The document of this project: what no standard says and every user relies on."""


class Requirement(Entry, frozen=True, kw_only=True):
    """One demand of a document."""

    document: str
    """The citation of the document: RFC 7143."""
    heading: str
    """The section's title."""

    @property
    def url(self) -> str:
        """The address of its section, or of the committee if its text is not free.

        For our own document it is the file in this repository.
        """
        if self.document == OWN:
            return "docs/robustness.md"
        if not self.document.startswith("RFC "):
            return "https://www.t10.org/drafts.htm"
        number = self.document.removeprefix("RFC ")
        anchor = "section" if self.section[0].isdigit() else "appendix"
        return f"https://www.rfc-editor.org/rfc/rfc{number}#{anchor}-{self.section}"

    @property
    def is_visible(self) -> bool:
        """Whether it binds targets and a black-box tester can observe it."""
        return self.subject.is_target and self.observable.is_visible

    @property
    def counts(self) -> bool:
        """Whether coverage counts it: of a standard, observable, no MAY, no copy."""
        is_theirs = self.document != OWN
        is_demand = self.level is not Level.MAY and not self.same_as
        return is_theirs and self.is_visible and is_demand
