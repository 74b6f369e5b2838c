# SPDX-License-Identifier: GPL-2.0-only
"""The fixtures of this suite: facts about the target, the watcher, the attacker."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from initiator.login import LoginOptions
from initiator.session import Session
from initiator.transcript import Transcript
from iscsi.scsi import cdb
from iscsi.scsi.capacity import Capacity10
from suites.plugins.sessions import TRANSCRIPT
from suites.plugins.targets import TestedTarget
from suites.support.attacker import Attacker
from suites.support.positions import TargetFacts
from suites.support.watcher import Watcher

WATCHER = "iqn.2026-11.org.iscsi-assay:watcher"


_BLOCK_SIZE = pytest.StashKey[int]()


@pytest.fixture
def block_size(request: pytest.FixtureRequest, target: TestedTarget) -> int:
    """Bytes in a block of the unit that is attacked.

    It is read once in a run, and again if the target died of that, since pytest would
    give the error of a session fixture to each check.
    """
    stash = request.config.stash
    if _BLOCK_SIZE not in stash:
        stash[_BLOCK_SIZE] = _block_size(target)
    return stash[_BLOCK_SIZE]


def _block_size(target: TestedTarget) -> int:
    with Session(
        target.portal,
        target.options(),
        timeout=target.timeout,
        lun=target.running.target.default_lun,
    ) as session:
        session.clear_unit_attention()
        result = session.execute(cdb.read_capacity_10(), read=8)
        if not result.is_good:
            pytest.skip(f"READ CAPACITY (10): {result}")
        return Capacity10.parse(result.data).block_length


@pytest.fixture
def may_overwrite(request: pytest.FixtureRequest, target: TestedTarget) -> bool:
    """Whether the unit that is attacked may be overwritten."""
    return bool(request.config.option.allow_writes) or "writes" in target.features


@pytest.fixture
def facts(
    target: TestedTarget, options: LoginOptions, block_size: int, may_overwrite: bool
) -> TargetFacts:
    """The known facts about the target before a position is taken."""
    chap_target = target.running.chap_target
    chap = None
    if chap_target is not None:
        known = target.options(chap_target)
        chap = replace(known, initiator_name=options.initiator_name, isid=options.isid)
    return TargetFacts(
        portal=target.portal,
        options=options,
        chap=chap,
        discovery=target.discovery_credentials(),
        lun=target.running.target.default_lun,
        block_size=block_size,
        may_overwrite=may_overwrite,
        timeout=target.timeout,
    )


@pytest.fixture
def watcher(
    target: TestedTarget, options: LoginOptions, block_size: int
) -> Iterator[Watcher]:
    """Another initiator, whose session must survive."""
    attacked = target.running.target.default_lun
    others = [
        unit
        for unit in target.running.target.logical_units
        if unit.lun != attacked
        and unit.scratch
        and unit.writable
        and not unit.removable
    ]
    own = replace(options, initiator_name=WATCHER)
    lun = others[0].lun if others else None
    opened = Watcher(target, own, lun, block_size)
    yield opened
    opened.close()


@pytest.fixture
def attacker(
    request: pytest.FixtureRequest,
    target: TestedTarget,
    facts: TargetFacts,
    watcher: Watcher,
) -> Attacker:
    """The attack, the watcher on guard."""

    def show(transcript: Transcript) -> None:
        request.node.stash[TRANSCRIPT] = transcript

    created = Attacker(target, facts, watcher, show)
    created.begin()
    return created
