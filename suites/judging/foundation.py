# SPDX-License-Identifier: GPL-2.0-only
"""What checks rest on, as a value; `foundations` lists them."""

from dataclasses import dataclass

from reports.model import Outcome


@dataclass(frozen=True, slots=True)
class Foundation:
    """Something that other checks take for granted."""

    what: str
    """What the target does where it is not lacking; a clause of a sentence."""
    proofs: tuple[str, ...]
    """The checks of it. It is lacking where every one of them that was judged fails."""
    dependents: tuple[str, ...] = ()
    """The checks that rest on it."""
    answers: tuple[str, ...] = ("*",)
    """The normalised answers of a proof that show that it is lacking; wildcards."""
    fields: tuple[str, ...] = ("",)
    """The wrong fields that a dependent may name; another one is its own matter."""
    clause: str = ""
    """The clause that says so. A check of others that fails for this one rests on it,
    whatever it is and whatever the answer."""
    is_alike: bool = True
    """A dependent fails by the same answer as a proof; any other is its own matter."""
    shown: tuple[str, ...] = ("*",)
    """The answers that a dependent fails by; wildcards. Any other is its own matter."""
    outcomes: tuple[Outcome, ...] = (Outcome.BROKEN, Outcome.WARNED)
    """What dependents have come to where they are not judged."""
