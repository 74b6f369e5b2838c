# SPDX-License-Identifier: GPL-2.0-only
"""What checks depend on, as a value; `foundations` lists them."""

from dataclasses import dataclass

from reports.model import Outcome


@dataclass(frozen=True, slots=True)
class Foundation:
    """A behaviour that other checks take for granted."""

    what: str
    """What a target that supports it does; a clause of a sentence."""
    proofs: tuple[str, ...]
    """The checks that prove it. It is lacking if all of them that were judged fail."""
    dependents: tuple[str, ...] = ()
    """The checks that depend on it."""
    answers: tuple[str, ...] = ("*",)
    """The normalised answers of a proof that show that it is lacking; wildcards."""
    fields: tuple[str, ...] = ("",)
    """The wrong fields that a dependent may name; a failure with others is judged as
    usual."""
    clause: str = ""
    """The clause about it. A check elsewhere that fails for this clause depends on the
    foundation, whatever the check and the answer are."""
    is_alike: bool = True
    """Whether a dependent must fail with the answer of a proof; others are judged as
    usual."""
    shown: tuple[str, ...] = ("*",)
    """Answers with which a dependent fails; wildcards. Others are judged as usual."""
    outcomes: tuple[Outcome, ...] = (Outcome.BROKEN, Outcome.WARNED)
    """The outcomes in which dependents become not judged."""
