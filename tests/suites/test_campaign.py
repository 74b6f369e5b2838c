# SPDX-License-Identifier: GPL-2.0-only
"""Campaigns: what they send, how they are steered, and what they keep."""

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from initiator import bundle
from initiator.bundle import Event
from initiator.transcript import Transcript
from iscsi.constants import BHS_LENGTH, Opcode
from iscsi.pdu import LoginRequest, NOPOut, SCSICommand
from suites.campaign.mutations import mutate
from suites.campaign.programs import (
    MOST_CONNECTIONS,
    MOST_EVENTS,
    Program,
    describe,
    header_of,
    normalise,
    renumber,
    with_segments,
)
from suites.campaign.shrinking import shrink
from suites.campaign.states import states
from suites.campaign.store import CampaignError, Finding, State, Store, load
from suites.plugins.campaign import duration
from tests.suites.runs import complaint, run

SENTINEL = 1


def sent(pdu: object, connection: int = 1) -> Event:
    header, data = pdu.segments()  # type: ignore[attr-defined]
    return Event(bundle.SENT, connection, header=header.hex(), data=data.hex())


def command(lun: int, cmd_sn: int = 0) -> Event:
    return sent(SCSICommand(lun=lun, cdb=bytes(16), cmd_sn=cmd_sn))


LOGIN = sent(LoginRequest(data=b"InitiatorName=a\0", cmd_sn=7))
PING = sent(NOPOut(data=b"ping"))
PROGRAM = normalise([LOGIN, PING, command(0), PING], SENTINEL)
OTHER = normalise([LOGIN, command(0), Event(bundle.RESET, 1)], SENTINEL)


def test_a_connection_is_opened_first_and_nothing_comes_after_its_end() -> None:
    program = normalise([PING, Event(bundle.RESET, 1), PING], None)

    assert [one.kind for one in program] == [bundle.OPENED, bundle.SENT, bundle.RESET]


@pytest.mark.parametrize("lun", [1 << 48, 0x4001 << 48, 0x8001 << 48])
def test_nothing_addresses_the_sentinel(lun: int) -> None:
    assert normalise([command(lun)], SENTINEL) == ()
    assert normalise([command(lun)], None)


def test_bytes_that_are_a_command_do_not_address_it_either() -> None:
    raw = Event(bundle.RAW, 1, raw=command(1 << 48).header)

    assert normalise([raw], SENTINEL) == ()


def test_programs_are_bounded() -> None:
    events = [replace(PING, connection=number % 50) for number in range(1000)]
    program = normalise(events, None)

    assert len(program) <= MOST_EVENTS
    assert len({one.connection for one in program}) == MOST_CONNECTIONS


def test_what_is_no_pdu_is_sent_as_bytes() -> None:
    event = with_segments(PING, b"short", b"")

    assert (event.kind, event.raw) == (bundle.RAW, b"short".hex())


def test_numbers_go_up_by_one_and_stand_still_for_immediate_requests() -> None:
    immediate = sent(NOPOut(immediate=1))
    program = renumber(normalise([LOGIN, command(0), immediate, command(0)], None))
    numbers = [
        int.from_bytes(header_of(one)[24:28], "big")
        for one in program
        if one.kind == bundle.SENT
    ]

    assert numbers == [7, 7, 8, 8]


def test_an_added_connection_goes_on_with_the_numbers_of_its_session() -> None:
    joining = sent(LoginRequest(tsih=5, cid=2), 2)
    last = replace(command(0), connection=2)
    program = renumber(normalise([LOGIN, command(0), joining, last], None))

    assert int.from_bytes(header_of(program[-1])[24:28], "big") == 8


def test_the_same_chance_makes_the_same_program() -> None:
    def made(seed: str) -> list[Program]:
        random = Random(seed)  # noqa: S311
        return [mutate(random, PROGRAM, [PROGRAM, OTHER], SENTINEL) for _ in range(50)]

    assert made("1 1") == made("1 1")
    assert made("1 1") != made("1 2")


def test_any_mutation_holds_to_the_rules() -> None:
    random = Random(1)  # noqa: S311
    corpus = [PROGRAM, OTHER]
    for _ in range(1500):
        changed = mutate(random, random.choice(corpus), corpus, SENTINEL)
        corpus = [*corpus[-20:], changed] if changed else corpus

        assert changed == normalise(changed, SENTINEL)
        assert len(changed) <= MOST_EVENTS
        for event in changed:
            if event.kind == bundle.SENT:
                assert len(header_of(event)) >= BHS_LENGTH


def test_mutations_reach_all_that_they_are_for() -> None:
    random = Random(2)  # noqa: S311
    changed = [mutate(random, PROGRAM, [PROGRAM, OTHER], None) for _ in range(500)]
    kinds = {event.kind for program in changed for event in program}
    opcodes = {
        header_of(event)[0] & 0x3F
        for program in changed
        for event in program
        if event.kind == bundle.SENT
    }

    assert kinds == {
        *(bundle.OPENED, bundle.SENT, bundle.RAW),
        *(bundle.CLOSED, bundle.RESET, bundle.HALF_CLOSED),
    }
    assert {Opcode.LOGIN_REQUEST, Opcode.NOP_OUT, Opcode.SCSI_COMMAND} < opcodes
    assert any(len({one.connection for one in program}) > 1 for program in changed)


def test_the_shortest_program_that_shows_it_is_found() -> None:
    unexpected = sent(NOPOut(data=b"odd"))
    crowd = [replace(PING, connection=2)] * 20
    long_program = normalise(
        [LOGIN, *[PING] * 30, unexpected, *[PING] * 10, *crowd], None
    )
    tried = []

    def shows(program: Program) -> bool:
        tried.append(program)
        return unexpected in program and LOGIN in program

    shortest = shrink(long_program, shows, None, 100)

    assert [one for one in shortest if one.kind == bundle.SENT] == [LOGIN, unexpected]
    assert len(tried) < 100


def test_many_programs_in_a_row_are_shortened_to_one() -> None:
    long_program = tuple(
        event
        for number in range(1, 30)
        for event in normalise([replace(PING, connection=number)] * 5, None)
    )

    def shows(program: Program) -> bool:
        return any(one.connection == 29 for one in program)

    assert {one.connection for one in shrink(long_program, shows, None, 200)} == {29}


def test_shrinking_is_bounded() -> None:
    tried = []

    def shows(program: Program) -> bool:
        tried.append(program)
        return False

    assert shrink(PROGRAM, shows, None, 3) == PROGRAM
    assert len(tried) <= 3


def test_an_exchange_without_answers_shows_no_state() -> None:
    assert states(Transcript()) == set()


def test_a_program_is_described_in_a_few_words() -> None:
    assert describe(OTHER) == "2 PDUs on 1 connection: LoginRequest, SCSICommand"


def test_a_campaign_is_gone_on_with(tmp_path: Path) -> None:
    store = Store(tmp_path, State(3, executions=7, states=["begin > NOPIn"]))
    store.state.findings.append(Finding(["key"], "Robustness-1-01", "it died"))
    store.add(PROGRAM)
    store.add(OTHER, is_seed=True)
    store.save()

    second = load(tmp_path, None)

    assert second.state == store.state
    assert second.corpus == [PROGRAM]


def test_another_seed_is_no_campaign_that_is_gone_on_with(tmp_path: Path) -> None:
    Store(tmp_path, State(3)).save()

    with pytest.raises(CampaignError, match="--campaign-seed 3"):
        load(tmp_path, 4)


def test_a_damaged_campaign_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("{")

    with pytest.raises(CampaignError) as caught:
        load(tmp_path, None)

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("8h", 28800), ("0.5m", 30)]
)
def test_times(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "m", "-1m", "0s", "1d"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="not a time such as"):
        duration(text)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--campaign=soon"], "not a time such as"),
        (["--campaign=1m", "-n2"], "leave out -n"),
        (["--campaign=1m", "--soak=1m"], "one of them"),
    ],
)
def test_options_that_make_no_sense(options: list[str], words: str) -> None:
    process = run("--target=reference", *options, path="suites/robustness")

    assert process.returncode == pytest.ExitCode.USAGE_ERROR
    assert words in complaint(process)


@pytest.mark.integration
def test_a_campaign_is_of_the_robustness_suite() -> None:
    process = run("--target=reference", "--campaign=1m")

    assert "only in suites/robustness" in complaint(process)


@pytest.mark.integration
def test_a_crash_is_found_shortened_and_kept(tmp_path: Path) -> None:
    process = run(
        "--target=reference",
        "--fault=long-value-crashes",
        "--campaign=20s",
        f"--campaign-folder={tmp_path}",
        path="suites/robustness",
    )

    assert process.returncode == pytest.ExitCode.TESTS_FAILED, process.stdout
    state = load(tmp_path, 1).state
    crashes = [one for one in state.findings if "SIGSEGV" in one.says]
    assert crashes, process.stdout
    assert any(one.reproduces for one in crashes)
    stored = bundle.read(tmp_path / "findings" / crashes[0].file)
    assert "SIGSEGV" in stored.actual


@pytest.mark.integration
def test_a_target_that_stands_it_passes_and_a_second_run_goes_on(
    tmp_path: Path,
) -> None:
    def campaign(seconds: int) -> State:
        process = run(
            "--target=reference",
            f"--campaign={seconds}s",
            f"--campaign-folder={tmp_path}",
            path="suites/robustness",
        )
        assert process.returncode == pytest.ExitCode.OK, process.stdout + process.stderr
        assert f"of {seconds} s" in process.stdout
        return load(tmp_path, None).state

    first, second = campaign(3), campaign(5)

    assert 0 < first.executions < second.executions
    assert set(first.states) <= set(second.states)
    assert second.findings == []
