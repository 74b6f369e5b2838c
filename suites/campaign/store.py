# SPDX-License-Identifier: GPL-2.0-only
"""The files in a campaign's folder, from which it can be resumed."""

from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from initiator import bundle
from initiator.bundle import Bundle, BundleError
from suites.campaign.programs import Program


class CampaignError(Exception):
    """The folder does not hold a campaign that can be resumed; one line."""


class Finding(msgspec.Struct):
    """One way in which a target has failed."""

    keys: list[str]
    """Its identity, which every program that led to it has in common."""
    requirement: str
    says: str
    """What the target did."""
    file: str = ""
    """The name of its bundle in the folder."""
    sends: str = ""
    """The shortened program."""
    reproduces: bool = False
    """Whether it could be reproduced, on a restarted target if restarts are
    possible."""
    count: int = 1


class State(msgspec.Struct):
    """The state of a campaign."""

    seed: int
    executions: int = 0
    seconds: float = 0.0
    states: list[str] = []
    findings: list[Finding] = []
    memory: list[tuple[float, int, int]] = []
    """Samples of the time in seconds, the bytes of the target's process and its open
    files."""


@dataclass(slots=True)
class Store:
    """A campaign's folder.

    Attributes:
        folder: where it is.
        state: the progress of the campaign.
        corpus: programs, each of which reached a new state.
    """

    folder: Path
    state: State
    corpus: list[Program] = field(default_factory=list)

    @property
    def findings(self) -> Path:
        """The folder of the bundles of findings."""
        return self.folder / "findings"

    @property
    def _kept(self) -> Path:
        return self.folder / "corpus"

    def add(self, program: Program, *, is_seed: bool = False) -> None:
        """Keep a program; a resumed campaign records its seeds again."""
        self.corpus.append(program)
        if not is_seed:
            name = f"{self.state.executions:08}.json"
            Bundle(program).write(self._kept / name)

    def save(self) -> None:
        """Write the progress of the campaign."""
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = self.folder / "state.json.new"
        draft.write_bytes(
            msgspec.json.format(msgspec.json.encode(self.state), indent=1)
        )
        draft.replace(self.folder / "state.json")


def load(folder: Path, seed: int | None) -> Store:
    """Return the campaign of a folder, or a new one if there is none.

    Raises:
        CampaignError: its files cannot be read, or it began with another seed.
    """
    path = folder / "state.json"
    if not path.exists():
        return Store(folder, State(1 if seed is None else seed))
    try:
        state = msgspec.json.decode(path.read_bytes(), type=State)
        paths = sorted((folder / "corpus").glob("*.json"))
        corpus = [bundle.read(one).events for one in paths]
    except (OSError, msgspec.MsgspecError, BundleError) as error:
        raise CampaignError(
            f"{folder} contains no campaign that can continue: {error}; remove it, "
            "or name another one (--campaign-folder)"
        ) from error
    if seed is not None and seed != state.seed:
        raise CampaignError(
            f"the campaign in {folder} was begun with --campaign-seed {state.seed}: "
            "name another folder (--campaign-folder), or leave the seed out"
        )
    return Store(folder, state, corpus)
