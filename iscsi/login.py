# SPDX-License-Identifier: GPL-2.0-only
"""The stages of a login, for either end (RFC 7143 section 6.3).

Two rules of this file: every transition is in the table, and the machine does not know
which end it serves. Both ends feed it each Login Request and each Login Response, sent
or received; it refuses, with `PeerError`, what the section forbids.

    Initiator                                   Target
        | -- request  CSG=current, T=0/1, NSG -->  |
        | <-- response CSG=current, T=0/1, NSG --  |

A stage changes only by a pair that both carry T=1. The target's NSG never lies beyond
the one asked for. The phase ends when the pair's NSG is FullFeaturePhase.
"""

from dataclasses import dataclass

from iscsi.constants import Stage
from iscsi.errors import PeerError

TRANSITIONS = frozenset(
    {
        (None, Stage.SECURITY),
        (None, Stage.OPERATIONAL),
        (Stage.SECURITY, Stage.OPERATIONAL),
        (Stage.SECURITY, Stage.FULL_FEATURE),
        (Stage.OPERATIONAL, Stage.FULL_FEATURE),
    }
)
"""The table of section 6.3; None is the start."""


@dataclass(slots=True)
class LoginStages:
    """The state of one connection's login."""

    current: Stage | None = None
    asked_for: Stage | None = None
    """The NSG of the last request with T=1, until it is answered."""
    awaits_response: bool = False

    @property
    def is_complete(self) -> bool:
        """True in full-feature phase."""
        return self.current is Stage.FULL_FEATURE

    def request(self, *, csg: int, nsg: int, transit: bool, continuation: bool) -> None:
        """Process a Login Request.

        Raises:
            PeerError: its stage bits break section 6.3, 11.12.1 to 11.12.3, or the
                last request has not been answered yet.
        """
        if self.is_complete:
            raise PeerError("a Login Request in full-feature phase")
        if self.awaits_response:
            raise PeerError("a second Login Request before the answer to the first")
        stage = _stage(csg)
        if self.current is None:
            if (None, stage) not in TRANSITIONS:
                raise PeerError(f"a login cannot start in stage {stage.name}")
        elif stage is not self.current:
            raise PeerError(f"CSG {stage.name} where {self.current.name} is current")
        if transit and continuation:
            raise PeerError("T and C are both 1")
        if transit:
            next_stage = _stage(nsg)
            if (stage, next_stage) not in TRANSITIONS:
                raise PeerError(f"no transition from {stage.name} to {next_stage.name}")
            self.asked_for = next_stage
        else:
            self.asked_for = None
        self.current = stage
        self.awaits_response = True

    def response(
        self, *, csg: int, nsg: int, transit: bool, continuation: bool
    ) -> None:
        """Process a Login Response whose Status-Class is 0.

        Raises:
            PeerError: no request is open, or its stage bits break section 6.3 or 11.13.
        """
        if not self.awaits_response or self.current is None:
            raise PeerError("an unexpected Login Response: no request is open")
        stage = _stage(csg)
        if stage is not self.current:
            raise PeerError(
                f"CSG {stage.name} where {self.current.name} is current",
                requirement="RFC7143-6.3-12",
            )
        if transit and continuation:
            raise PeerError("T and C are both 1", requirement="RFC7143-11.13.7-01")
        if transit:
            if self.asked_for is None:
                raise PeerError(
                    "T=1 where the request had T=0", requirement="RFC7143-11.13.6-02"
                )
            chosen = _stage(nsg)
            if (stage, chosen) not in TRANSITIONS or chosen > self.asked_for:
                raise PeerError(
                    f"NSG {chosen.name} where {self.asked_for.name} was asked for",
                    requirement="RFC7143-6.3-10"
                    if chosen > self.asked_for
                    else "RFC7143-6.3-12",
                )
            self.current = chosen
        self.asked_for = None
        self.awaits_response = False


def _stage(code: int) -> Stage:
    try:
        return Stage(code)
    except ValueError:
        raise PeerError(
            f"stage {code} is reserved", requirement="RFC7143-11.12.3-i01"
        ) from None
