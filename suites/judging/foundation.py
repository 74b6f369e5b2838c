# SPDX-License-Identifier: GPL-2.0-only
"""What checks rest on, as a value; `foundations` lists them."""

from dataclasses import dataclass

from reports.model import Outcome


@dataclass(frozen=True, slots=True)
class Foundation:
    """Something that other checks take for granted."""

    what: str
    """What a target with it does; a clause of a sentence."""
    proofs: tuple[str, ...]
    """The checks of it. It is lacking where every one of them that was judged fails."""
    dependents: tuple[str, ...] = ()
    """The checks that depend on it."""
    answers: tuple[str, ...] = ("*",)
    """The normalised answers of a proof that show that it is lacking; wildcards."""
    fields: tuple[str, ...] = ("",)
    """The wrong fields that a dependent may name; others are judged as usual."""
    clause: str = ""
    """The clause that says so. A check of others that fails for this one rests on it,
    whatever it is and whatever the answer."""
    is_alike: bool = True
    """A dependent fails by the same answer as a proof; others are judged as usual."""
    shown: tuple[str, ...] = ("*",)
    """Answers by which a dependent fails; wildcards. Others are judged as usual."""
    outcomes: tuple[Outcome, ...] = (Outcome.BROKEN, Outcome.WARNED)
    """The outcomes in which dependents become not judged."""
