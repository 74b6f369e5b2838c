# SPDX-License-Identifier: GPL-2.0-only
"""Recorded exchanges, changed at random, for as long as `--campaign` says."""

import itertools
from pathlib import Path

import pytest

from initiator.expect import ConformanceFailure
from suites.campaign import seeds
from suites.campaign.campaign import Campaign
from suites.campaign.store import CampaignError, load
from suites.plugins.campaign import Share, print_line
from suites.plugins.lost import lost
from suites.plugins.revival import bring_back
from suites.support.attacker import JUDGED, SECRET, Attacker
from suites.support.tidying import free


@pytest.mark.needs("writes")
@pytest.mark.requirement(*JUDGED, SECRET)
def test_changed_exchanges_are_survived(
    request: pytest.FixtureRequest, attacker: Attacker, share: Share
) -> None:
    """The target keeps serving, however recorded exchanges are changed."""
    config = request.config
    tested, facts = attacker.tested, attacker.facts
    sentinel = attacker.watcher.sentinel
    seconds = share.seconds
    folder, seed = config.option.campaign_folder, config.option.campaign_seed
    if folder is None:
        name = "-".join(filter(None, [tested.running.kind, share.name]))
        folder = Path("results") / "campaign" / name
    if share.count > 1:
        seed = (seed or 1) + share.number - 1
    try:
        store = load(folder, seed)
    except CampaignError as error:
        pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)

    def restart() -> bool:
        bring_back(config, tested, hangs="restart" in tested.features)
        return not lost(config)

    campaign = Campaign(
        attacker,
        store,
        lambda: free(facts),
        restart,
        lambda line: print_line(config, line),
    )
    bundles = config.option.campaign_bundles
    begin = seeds.recorded(facts, sentinel)
    recordings = () if bundles is None else seeds.from_folder(bundles, sentinel)
    # One at a time: a target that a recording kills is restarted before the next one.
    campaign.run(itertools.chain(begin, recordings), seconds)
    lines = campaign.summary(seconds)
    for line in lines:
        print_line(config, line)
    findings = store.state.findings
    if findings:
        raise ConformanceFailure(
            "the target survives what was sent",
            f"{len(findings)} ways to break it: "
            + "; ".join(dict.fromkeys(one.says for one in findings)),
            requirement=findings[0].requirement,
        )
    attacker.end()
