# SPDX-License-Identifier: GPL-2.0-only
"""Targets started by hand and described by a file: judged as the built-in ones are."""

import json
import os
import signal
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
import tomli_w

from reports.model import Outcome, Run
from reports.run import read
from suites.probe import main
from targets import Portal, Target, layout, parse
from targets.istgt import recipe as istgt_recipe
from targets.local import Plan, choose_ports, usable_hosts
from targets.model import Special
from targets.reference.recipe import build_configuration, recipe
from targets.tgt import recipe as tgt
from tests.lab import require_lab
from tests.suites.runs import ROOT, complaint, run
from tests.tools import require
from vmlab.tool import attempt

pytestmark = pytest.mark.integration

_SCRIPTS = Path(__file__).parent / "samples" / "own"
_SECONDS = 400.0


def described(
    portals: Sequence[Portal], targets: Sequence[Target], **more: object
) -> dict[str, object]:
    """Return the content of a file for targets of this project's own."""
    return {
        "label": "by hand",
        "portal": [{"address": str(one), "group": one.group_tag} for one in portals],
        "target": [_table(target) for target in targets],
        **more,
    }


def _table(target: Target) -> dict[str, object]:
    chap = target.chap
    pairs = {} if chap is None else {"chap": _present(**_chap(target))}
    return {
        "name": target.name,
        **pairs,
        "identity": [
            _present(
                user=one.credentials.name,
                secret=one.credentials.password,
                initiator=one.initiator_name,
            )
            for one in target.identities
        ],
        "unit": [
            {
                "lun": unit.lun,
                "size": f"{layout.LUN_SIZE >> 20}M",
                "may_be_written": True,
                "read_only": not unit.writable,
                "removable": unit.removable,
                "keeps_data": unit.persistent,
            }
            for unit in target.logical_units
        ],
    }


def _chap(target: Target) -> dict[str, str | None]:
    assert target.chap is not None
    own, mutual = target.chap.credentials, target.chap.mutual
    return {
        "user": own.name,
        "secret": own.password,
        "mutual_user": None if mutual is None else mutual.name,
        "mutual_secret": None if mutual is None else mutual.password,
    }


def _present(**values: object) -> dict[str, object]:
    return {key: value for key, value in values.items() if value is not None}


def special_names(special: Mapping[Special, str]) -> dict[str, str]:
    """Return the [special] table for names that serve no disk."""
    return {
        place.name.lower(): name
        for place, name in special.items()
        if place is not Special.ALIAS
    }


def ended(folder: Path) -> None:
    """End what a script has started in a folder."""
    with suppress(FileNotFoundError, ProcessLookupError):
        os.kill(int((folder / "pid").read_text()), signal.SIGKILL)


@pytest.fixture
def reference(tmp_path: Path) -> Iterator[Path]:
    """The file of a reference target that a script has started."""
    made_recipe = recipe()
    portals = choose_ports(usable_hosts(made_recipe.hosts))
    layout.make_backing_files(tmp_path, made_recipe.targets)
    (tmp_path / "reftarget.toml").write_text(
        build_configuration(tmp_path, portals, made_recipe.targets)
    )
    start = [str(_SCRIPTS / "reference.sh"), str(tmp_path), sys.executable, str(ROOT)]
    order = [sys.executable, str(_SCRIPTS / "order.py"), str(tmp_path / "control")]
    verbs = (
        "ping",
        "logout_request",
        "drop_connection",
        "drop_session",
        "negotiation_request",
        "scsi_event",
        "vendor_event",
        "login_time",
    )
    content = described(
        portals,
        made_recipe.targets,
        sends_architecture=True,
        deviations_of="reference",
        special=special_names(made_recipe.special),
        hooks={
            "restart": start,
            "power_cycle": start,
            "operator": dict.fromkeys(verbs, order),
        },
    )
    names = content["target"]
    assert isinstance(names, list)
    names[0]["alias"] = made_recipe.special[Special.ALIAS]
    yield from started(start, content, tmp_path)


def started(
    start: Sequence[str], content: Mapping[str, object], folder: Path
) -> Iterator[Path]:
    """Start a target by a command, yield the file that describes it, and end it."""
    result = attempt(start, seconds=60)
    assert result.returncode == 0, result.stdout + result.stderr
    path = folder / "by-hand.toml"
    path.write_text(tomli_w.dumps(content))
    path.chmod(0o600)
    yield path
    ended(folder)


@pytest.fixture
def tgtd(tmp_path: Path) -> Iterator[Path]:
    """The file of a tgtd that a script has started."""
    require(*tgt.PROGRAMS)
    made_recipe = tgt.recipe({})
    portals = choose_ports(usable_hosts(made_recipe.hosts))
    start = [str(_SCRIPTS / "tgtd.sh"), str(tmp_path), *map(str, portals)]
    alive = [str(_SCRIPTS / "tgtd-alive.sh"), str(tmp_path)]
    content = described(
        portals,
        made_recipe.targets,
        deviations_of="tgt",
        special=special_names(made_recipe.special),
        hooks={
            "version": ["tgtd", "--version"],
            "power_cycle": start,
            "is_alive": alive,
        },
    )
    yield from started(start, content, tmp_path)


@pytest.fixture
def istgt(tmp_path: Path) -> Iterator[Path]:
    """The file of an istgt that a script has started."""
    require(*istgt_recipe.PROGRAMS)
    made_recipe = istgt_recipe.recipe({})
    portals = choose_ports(usable_hosts(made_recipe.hosts))
    made_recipe.prepare(Plan(tmp_path, portals, tmp_path / "log"))
    start = [str(_SCRIPTS / "istgt.sh"), str(tmp_path), str(portals[0].port)]
    content = described(
        portals,
        made_recipe.targets,
        deviations_of="istgt",
        version=made_recipe.version(),
        hooks={"restart": start, "power_cycle": start},
    )
    yield from started(start, content, tmp_path)


def verdicts(folder: Path, target: str, paths: Sequence[str]) -> Run:
    """Run the checks of some paths on a target; return what they came to."""
    file = folder / "run.json"
    first, *others = (f"suites/conformance/{path}" for path in paths)
    process = run(
        *others,
        f"--target={target}",
        f"--verdicts={file}",
        path=first,
        seconds=_SECONDS,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    document = read(file)
    assert document.is_complete
    return document


def inapplicable(found: Run) -> dict[str, bool]:
    """Tell of each check whether it applied.

    Both runs are green, so that whatever failed is as listed; a deviation that shows
    only sometimes may show in one of them alone.
    """
    return {
        check.check: check.outcome is Outcome.NOT_APPLICABLE for check in found.checks
    }


def test_the_reference_target_is_judged_as_the_built_in_one(
    tmp_path: Path, reference: Path
) -> None:
    paths = (
        "async_messages",
        "nop/test_target_pings.py",
        "login/test_special_targets.py",
        "discovery/test_access.py",
        "security/test_identities.py",
        "reservations/test_survival.py",
    )
    by_hand = verdicts(tmp_path, str(reference), paths)
    built_in = verdicts(tmp_path, "reference", paths)

    assert len(by_hand.checks) > 30
    assert inapplicable(by_hand) == inapplicable(built_in)


def test_tgtd_is_judged_as_the_built_in_one(tmp_path: Path, tgtd: Path) -> None:
    paths = ("nop", "reservations/test_survival.py")
    by_hand = verdicts(tmp_path, str(tgtd), paths)
    built_in = verdicts(tmp_path, "tgt", paths)

    assert inapplicable(by_hand) == inapplicable(built_in)


def killers(found: Run) -> list[str]:
    return [one.check for one in found.checks if "SIGSEGV" in one.deviation]


def test_tgtd_is_brought_back_after_its_deaths(tmp_path: Path, tgtd: Path) -> None:
    paths = (
        "scsi/test_identity.py::test_mode_data_is_cut_where_asked",
        "nop/test_ping.py",
    )
    by_hand = verdicts(tmp_path, str(tgtd), paths)
    built_in = verdicts(tmp_path, "tgt", paths)

    assert len(killers(by_hand)) == 2
    assert killers(by_hand) == killers(built_in)
    last = by_hand.checks[-1]
    assert (last.area, last.outcome) == ("nop", Outcome.PASSED)
    assert inapplicable(by_hand) == inapplicable(built_in)


def test_a_portal_of_somebody_else_is_reported_in_one_line(
    tmp_path: Path, reference: Path
) -> None:
    text = reference.read_text().replace("disk1", "not-there")
    other = tmp_path / "other.toml"
    other.write_text(text)
    other.chmod(0o600)

    process = run(f"--target={other}")

    assert process.returncode == 3
    assert "check the target's name; this portal offers" in complaint(process)


def test_writes_are_the_files_to_allow(tmp_path: Path, reference: Path) -> None:
    text = reference.read_text().replace("may_be_written = true", "")
    reference.write_text(text)

    refused = run(f"--target={reference}", "--allow-writes")
    assert refused.returncode == 4
    assert "say `may_be_written = true`" in complaint(refused)
    file = tmp_path / "run.json"
    run(
        f"--target={reference}",
        f"--verdicts={file}",
        path="suites/conformance/scsi/test_changes.py",
        seconds=_SECONDS,
    )
    checks = [one for one in read(file).checks if "protected_blocks" in one.check]
    assert checks
    assert {one.outcome for one in checks} == {Outcome.NOT_APPLICABLE}
    assert all("in by-hand.toml would change that" in one.reason for one in checks)


def test_the_error_of_a_command_hides_our_own_code(reference: Path) -> None:
    described = tomllib.loads(reference.read_text())
    described["hooks"]["operator"]["ping"] = [sys.executable, "-c", "print(1 / 0)"]
    reference.write_text(tomli_w.dumps(described))

    process = run(
        f"--target={reference}",
        path="suites/conformance/nop/test_target_pings.py",
        seconds=_SECONDS,
    )

    output = "the command ping of by-hand.toml ended with status 1: ZeroDivisionError"
    assert output in process.stdout
    assert "suites/support" not in process.stdout


@pytest.mark.lab
@pytest.mark.parametrize(("kind", "known"), [("lio", "lio"), ("tgt-vm", "tgt")])
def test_a_machine_is_probed_and_described(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, known: str
) -> None:
    require_lab()
    path = tmp_path / "machine.toml"
    with parse(kind) as running:
        lun = running.target.default_lun
        assert (
            main(["init", f"iscsi://{running.portal}/{running.target.name}/{lun}"]) == 0
        )
        path.write_text(f'deviations_of = "{known}"\n{capsys.readouterr().out}')
        path.chmod(0o600)
        assert main(["probe", str(path), "--json", "--no-count"]) == 0
        document = json.loads(capsys.readouterr().out)
        by_file = verdicts(tmp_path, str(path), ["nop/test_ping.py"])

    units = tomllib.loads(path.read_text())["target"][0]["unit"]
    created = {unit.lun: unit.size for unit in running.target.logical_units}
    assert {one["lun"]: one["size"] for one in units} == created
    assert "several-luns" in document["features"]
    assert not {"writes", "restart"} & set(document["features"])
    assert {one.outcome for one in by_file.checks} >= {Outcome.PASSED}
