# SPDX-License-Identifier: GPL-2.0-only
"""Files of known deviations and crashes: what they may hold, and what is refused."""

import re
from pathlib import Path

import pytest

from reports.model import Ending, EndingKind, Failure
from spec import load as load_catalogue
from suites.judging.known import Deviation, Known, KnownFileError, load, unmatched
from tests.suites.runs import complaint, run
from vmlab.watch import find_crash

ID = "RFC7143-11.19-02"
FOLDER = Path(__file__).parents[2] / "suites" / "deviations"
LINES = {
    "requirement": f'"{ID}"',
    "checks": '["nop/*"]',
    "what": '"does x"',
    "why": '"section 11.19"',
    "version": '"1"',
}


def entry(kind: str = "deviation", **changes: str) -> str:
    lines = {**LINES, **changes}
    return f"[[{kind}]]\n" + "".join(
        f"{key} = {value}\n" for key, value in lines.items() if value
    )


def read(tmp_path: Path, text: str) -> Known:
    file = tmp_path / "own.toml"
    file.write_text(text)
    return load(file, {ID})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[deviation]\n", "own.toml: Expected"),
        ("[[deviations]]\n", "own.toml: Object contains unknown field `deviations`"),
        ("deviation = 3\n", "own.toml: deviation: Expected `array`, got `int`"),
        (entry(alwys="true"), f"deviation 1 ({ID}): Object contains unknown field"),
        (entry() + '"\\u001b[31mk" = 1\n', r"unknown field `\x1b[31mk`"),
        (entry(always='"false"'), f"deviation 1 ({ID}): always: Expected `bool`"),
        (entry(checks='"x.py"'), f"deviation 1 ({ID}): checks: Expected `array`"),
        (entry(checks="[1]"), f"deviation 1 ({ID}): checks[0]: Expected `str`"),
        (entry(checks="[]"), f"deviation 1 ({ID}): checks: it lists no check"),
        (entry(why=""), f"deviation 1 ({ID}): Object missing required field `why`"),
        (
            entry() + entry(requirement='"RFC7143-0-00"'),
            "deviation 2 (RFC7143-0-00): requirement: there is no requirement of this",
        ),
        (
            entry(requirement=r'"RFC\u001b[31m"'),
            r"deviation 1 (RFC\x1b[31m): requirement: there is no requirement of this",
        ),
        (entry(versions='"3.7"'), f"deviation 1 ({ID}): versions: '3.7' is no"),
        (entry("crash"), f"crash 1 ({ID}): neither functions nor says"),
        (entry("crash", functions='"f"'), f"crash 1 ({ID}): functions: Expected"),
    ],
)
def test_a_file_that_is_wrong_is_refused_in_one_line(
    tmp_path: Path, text: str, words: str
) -> None:
    with pytest.raises(KnownFileError, match=re.escape(words)) as caught:
        read(tmp_path, text)

    assert "own.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(KnownFileError, match="No such file"):
        load(tmp_path / "none.toml", {ID})


def test_an_entry_holds_a_link_and_the_versions_that_have_it(tmp_path: Path) -> None:
    text = entry(versions='">=3.7, <3.11"', link='"https://bugs.example/1"')
    (listed,) = read(tmp_path, text).deviation

    assert listed.link == "https://bugs.example/1"
    assert listed.concerns("nop/test_ping.py::test_echo", "3.10.0-pre")
    assert not listed.concerns("nop/test_ping.py::test_echo", "3.11")
    assert listed.concerns("nop/test_ping.py::test_echo", "unknown")
    assert not listed.concerns("text/test_text.py::test_x", "3.10.0-pre")


def test_a_pattern_without_a_check_is_named(tmp_path: Path) -> None:
    listed = read(
        tmp_path,
        entry(checks='["nop/a.py::t", "nop/a.py::t[1]"]')
        + entry("crash", says='"BUG"', checks='["*"]', provoked_by='["nop/b.py::t"]'),
    )

    assert unmatched(listed, {"nop/a.py::t[1]", "nop/b.py::t"}) == ""
    assert unmatched(listed, {"nop/a.py::t[2]", "nop/b.py::t"}) == (
        f"deviation 1 ({ID}): checks: no check matches 'nop/a.py::t[1]'"
    )
    assert unmatched(listed, {"nop/a.py::t[1]"}) == (
        f"crash 1 ({ID}): provoked_by: no check matches 'nop/b.py::t'"
    )


@pytest.mark.parametrize(
    ("pattern", "is_there"),
    [
        ("nop/a.py::t[1]", True),
        ("nop/a.py::t[2]", False),
        ("nop/b.py::u", True),
        ("nop/b.py::u[any]", True),
        ("nop/b.py::v", False),
        ("nop/b.py::v[any]", False),
        ("nop/b.py::*", True),
        ("nop/*any]", True),
        ("*[any]", True),
        ("nop/c.py::*", False),
        ("nop/*::v", False),
        ("nop/c*any]", False),
    ],
)
def test_a_pattern_may_name_a_check_that_was_not_collected(
    tmp_path: Path, pattern: str, is_there: bool
) -> None:
    listed = read(tmp_path, entry(checks=f'["{pattern}"]'))

    wrong = unmatched(listed, {"nop/a.py::t[1]"}, {"nop/b.py::u"})

    assert (wrong == "") is is_there


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda p: p.stem)
def test_our_own_files_are_good(path: Path) -> None:
    listed = load(path, load_catalogue())

    assert listed.deviation or listed.crash


DIED = Ending(kind=EndingKind.EXITED, reason="killed by SIGABRT", signal="SIGABRT")


@pytest.mark.parametrize(
    ("dies", "ending", "explains"),
    [
        ("", None, True),
        ("", DIED, False),
        ("SIGABRT", DIED, True),
        ("SIGSEGV", DIED, False),
        ("SIGABRT", None, False),
    ],
)
def test_a_deviation_explains_a_death_only_if_it_says_so(
    dies: str, ending: Ending | None, explains: bool
) -> None:
    deviation = Deviation(
        *(), requirement=ID, checks=("*",), what="", why="", version="", dies=dies
    )

    assert deviation.explains(ending) is explains


@pytest.mark.parametrize(
    ("expected", "answer", "explains"),
    [
        ("Logout Response", "connection dropped", True),
        ("Logout Response", "", True),
        ("", "connection dropped", True),
        ("Logout Response", "no answer", False),
        ("NOP-In", "connection dropped", False),
    ],
)
def test_a_narrow_deviation_explains_what_it_names(
    expected: str, answer: str, *, explains: bool
) -> None:
    deviation = Deviation(
        *(),
        requirement=ID,
        checks=("*",),
        what="",
        why="",
        version="",
        expected=expected,
        answer=answer,
    )
    failure = Failure(
        requirement=ID,
        expected=("Logout Response",),
        actual="the target closed the connection (FIN)",
        answer="connection dropped",
    )

    assert deviation.explains(None, failure) is explains
    assert not deviation.explains(None)
    assert not deviation.explains(DIED, failure)


OOPS = """\
[  100.0] BUG: kernel NULL pointer dereference, address: 0000000000000010
[  100.0] Oops: 0000 [#1] PREEMPT SMP NOPTI
[  100.0] RIP: 0010:{0}+0x1a/0x90 [target_core_mod]
[  100.1] Call Trace:
[  100.1]  <TASK>
[  100.1]  ? __die+0x23/0x70
{1}[  100.1]  kthread+0xd7/0x100
[  100.1]  </TASK>
[  100.1] RIP: 0010:someone_else+0x1/0x2
[  100.2] ---[ end trace 0000000000000000 ]---
[  100.2] RIP: 0010:{0}+0x1a/0x90 [target_core_mod]
"""
LOCKUP = """\
[  100.0] watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [iscsi_trx:99]
[  100.0] RIP: 0010:native_queued_spin_lock_slowpath+0x6a/0x2a0
[  100.1] Call Trace:
[  100.1]  <TASK>
[  100.1]  _raw_spin_lock_bh+0x1d/0x20
{1}[  100.1]  </TASK>
[  100.2] iSCSI Login timeout
"""
HUNG = """\
[  400.0] INFO: task iscsi_trx:99 blocked for more than 120 seconds.
[  400.0] Call Trace:
[  400.0]  <TASK>
[  400.0]  __schedule+0x354/0xa60
[  400.0]  schedule+0x5d/0xd0
[  400.0]  schedule_timeout+0x118/0x150
[  400.0]  __wait_for_common+0x92/0x190
{1}[  400.0]  </TASK>
[  400.0] INFO: task kworker:7 blocked for more than 120 seconds.
"""
WARNED = """\
[  100.0] ------------[ cut here ]------------
[  100.0] WARNING: CPU: 0 PID: 9 at lib/x.c:28 {0}+0x1a/0x90
[  100.1] Call Trace:
[  100.1]  <TASK>
{1}[  100.1]  </TASK>
[  100.2] ---[ end trace 0000000000000000 ]---
"""
KASAN = """\
[  100.0] ==================================================================
[  100.0] BUG: KASAN: use-after-free in {0}+0x1a/0x90 [target_core_mod]
[  100.1] Call Trace:
[  100.1]  <TASK>
{1}[  100.1]  </TASK>
[  100.1] Freed by task 12:
[  100.1]  kfree+0x1/0x2
[  100.2] ==================================================================
[  100.3] WARNING: CPU: 0 PID: 9 at lib/x.c:28 later+0x1a/0x90
"""


def _console(functions: tuple[str, ...], says: str) -> str:
    """Return what a kernel prints of a crash in these functions."""
    form = (
        KASAN
        if "KASAN" in says
        else HUNG
        if "blocked" in says
        else WARNED
        if "WARNING" in says
        else LOCKUP
        if not says
        else OOPS
    )
    remainder = functions if form in (LOCKUP, HUNG) else functions[1:]
    frames = "".join(f"[  100.1]  {name}+0x1/0x2 [x]\n" for name in remainder)
    return f"[   99.0] ordinary\n{form.format(functions[0], frames)}"


@pytest.mark.parametrize("number", range(15))
def test_each_known_crash_of_lio_explains_its_console_and_no_other_does(
    number: int,
) -> None:
    crashes = load(FOLDER / "lio.toml", load_catalogue()).crash
    assert len(crashes) == 15
    listed = crashes[number]
    crash = find_crash(_console(listed.functions, listed.says))
    assert crash is not None
    ending = Ending(
        kind=EndingKind.CRASHED,
        reason=crash.line,
        report_kind=crash.kind,
        functions=crash.functions,
        report=crash.report,
    )

    assert [one.functions for one in crashes if one.explains(ending)] == [
        listed.functions
    ]


@pytest.mark.integration
@pytest.mark.parametrize("selected", ["", "/login", "/login -k tsih", "/login -n 1"])
def test_a_pattern_without_a_check_is_refused_whatever_runs(
    tmp_path: Path, selected: str
) -> None:
    own = tmp_path / "own.toml"
    own.write_text(entry(checks='["nop/test_ping.py::test_gone"]'))
    path, *options = f"suites/conformance{selected}".split()

    process = run("--collect-only", "-q", f"--deviations={own}", *options, path=path)

    assert process.returncode == 4
    assert complaint(process).endswith("no check matches 'nop/test_ping.py::test_gone'")


@pytest.mark.integration
def test_a_pattern_without_a_check_is_all_that_a_parallel_run_says(
    tmp_path: Path,
) -> None:
    own = tmp_path / "own.toml"
    own.write_text(entry(checks='["nop/test_ping.py::test_gone"]'))

    process = run("-n", "1", "--target=reference", f"--deviations={own}")

    assert process.returncode == 4
    assert process.stdout.count("no check matches 'nop/test_ping.py::test_gone'") == 1
    assert "all checks" not in process.stdout


@pytest.mark.integration
def test_a_pattern_of_what_is_not_selected_is_no_mistake(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    checks = [
        "nop/test_ping.py::test_echo_at_the_edge[511]",
        "nop/test_ping.py::test_echo_at_the_edge[512]",
        "login/*",
        "negotiation/*[TaskReporting]",
    ]
    own.write_text(entry(checks=str(checks)))
    path = f"suites/conformance/{checks[0]}"

    process = run("--collect-only", "-q", f"--deviations={own}", path=path)

    assert process.returncode == 0, process.stdout
    assert "1 test collected" in process.stdout


CONSOLES = Path(__file__).parent / "samples" / "consoles"
"""What Linux 6.1 printed in runs against LIO, cut to its reports."""


def _ending_on(console: str) -> Ending:
    lines = find_crash((CONSOLES / console).read_text())
    assert lines is not None
    assert lines.is_complete
    return Ending(
        kind=EndingKind.CRASHED,
        reason=lines.line,
        report_kind=lines.kind,
        functions=lines.functions,
        report=lines.report,
    )


def test_a_real_console_is_explained_by_what_is_known_of_it_alone() -> None:
    deviations_file = load(FOLDER / "lio.toml", load_catalogue())
    ending = _ending_on("null-pointer.txt")

    assert ending.functions[:2] == ("iscsit_get_rx_pdu", "iscsi_target_rx_thread")
    assert [one.functions for one in deviations_file.crash if one.explains(ending)] == [
        ("iscsit_get_rx_pdu",)
    ]
    assert {one.dies for one in deviations_file.deviation if one.explains(ending)} == {
        "iscsi_target_rx_thread"
    }


def test_a_real_warning_is_explained_by_deviations_that_die_of_it_alone() -> None:
    deviations_file = load(FOLDER / "lio.toml", load_catalogue())
    ending = _ending_on("warning.txt")

    assert ending.functions[0] == "iscsit_release_cmd"
    assert not [one for one in deviations_file.crash if one.explains(ending)]
    assert {
        one.requirement for one in deviations_file.deviation if one.explains(ending)
    } == {
        "RFC7143-11.8-i02",
        "RFC7143-11.16-07",
    }
