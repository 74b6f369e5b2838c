# SPDX-License-Identifier: GPL-2.0-only
"""The command line of the suites."""

import argparse
import math
from pathlib import Path

import pytest

import targets
from iscsi.keys import KEYS
from spec import Level
from suites import shards
from suites.plugins.limits import CHECK_SECONDS

DEFAULT_TIMEOUT = 5.0

WAIT_SECONDS = 30.0
"""How long a run waits for a target that has died; see --wait-for-target."""

PROVIDER = pytest.StashKey[targets.Provider]()
"""The provider of the target that --target names."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of a conformance run."""
    group = parser.getgroup("iscsi", "iSCSI Assay")
    try:
        _add_options_of_targets(group)
    except (targets.TargetSpecError, ValueError) as error:
        raise pytest.UsageError(str(error)) from error
    group.addoption(
        "--profile",
        metavar="KIND",
        help="the kind of an iscsi:// target (scst, lio, tgt, ...), whose known "
        "deviations then apply",
    )
    group.addoption(
        "--offer",
        action="append",
        default=[],
        type=_pair,
        metavar="KEY=VALUE",
        help="offer this key, such as HeaderDigest=CRC32C, in the sessions of checks "
        "that leave it open (may be repeated)",
    )
    group.addoption(
        "--peer-timeout",
        type=seconds_above_0,
        metavar="SECONDS",
        help="time limit of each answer of the target (default: the `answer` of the "
        f"target's file, or {DEFAULT_TIMEOUT:g})",
    )
    group.addoption(
        "--check-timeout",
        type=seconds_above_0,
        metavar="SECONDS",
        help="time limit of a check with its set-up and teardown, and of the first "
        f"login (default: the `check` of the target's file, or {CHECK_SECONDS:g})",
    )
    group.addoption(
        "--allow-writes",
        action="store_true",
        help="let checks overwrite the logical unit of an iscsi:// target",
    )
    group.addoption(
        "--deviations",
        type=Path,
        metavar="FILE",
        help="known deviations of the target, instead of suites/deviations/KIND.toml",
    )
    group.addoption(
        "--requirement",
        action="append",
        default=[],
        metavar="ID",
        help="run the checks of this requirement (may be repeated)",
    )
    group.addoption(
        "--section",
        action="append",
        default=[],
        metavar="N.N",
        help="run the checks of this section and those below it (may be repeated)",
    )
    group.addoption(
        "--level",
        action="append",
        default=[],
        choices=[level.value for level in Level if level is level.strength],
        help="run the checks of requirements of this level (may be repeated)",
    )
    group.addoption(
        "--area",
        action="append",
        default=[],
        metavar="NAME",
        help="run the checks of this folder of suites/conformance (may be repeated)",
    )
    group.addoption(
        "--repeat",
        default=1,
        type=_times,
        metavar="N",
        help="run each check N times, and list those whose verdict varies, with the "
        "rates (default: 1)",
    )
    group.addoption(
        "--shard",
        type=_part,
        metavar="K/N",
        help="run every N-th selected check, beginning with the K-th (such as 1/4), or "
        "the N-th part of the time of --campaign or --soak; `iscsi-assay merge` merges "
        "the runs",
    )
    group.addoption(
        "--list-requirements",
        action="store_true",
        help="list the requirements with the checks that cover them, and exit",
    )


def _add_options_of_targets(group: pytest.OptionGroup) -> None:
    """Add --target and the options of all kinds of target.

    Raises:
        TargetSpecError: a kind of another distribution cannot be used.
        ValueError: pytest has an option of the same name already.
    """
    group.addoption(
        "--target",
        metavar="TARGET",
        help=f"the target: {', '.join(targets.kinds())}, "
        "iscsi://[user%%secret@]host[:port]/name[/lun] or FILE.toml (default: "
        "reference); --target=help lists what each needs",
    )
    for option in targets.options():
        option.add(group.addoption)


def _times(text: str) -> int:
    """Return a number of times.

    Raises:
        argparse.ArgumentTypeError: it is not a number above 0.
    """
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return int(text)


def _part(text: str) -> str:
    """Return a --shard.

    Raises:
        argparse.ArgumentTypeError: it is not K/N.
    """
    try:
        shards.numbers(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def _pair(text: str) -> tuple[str, str]:
    """Return the key and the value of an --offer.

    Raises:
        argparse.ArgumentTypeError: it is not KEY=VALUE with a key of RFC 7143.
    """
    name, equals, value = text.partition("=")
    if not equals or name not in KEYS:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not KEY=VALUE with a key of RFC 7143"
        )
    return name, value


def seconds_above_0(text: str) -> float:
    """Return a time in seconds.

    Raises:
        argparse.ArgumentTypeError: it is not a number above 0.
    """
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return seconds


def is_strict(config: pytest.Config) -> bool:
    """Tell whether --strict was given: a broken SHOULD then counts as a failure.

    The option is pytest's own; besides its strictness it raises our warnings.
    """
    return "strict=true" in (config.getoption("override_ini") or [])


def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Answer --target=help without a run."""
    if config.getoption("target") == "help":
        print(targets.help_text())  # noqa: T201  # it is what was asked for
        return 0
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Resolve --target before anything runs.

    Raises:
        pytest.UsageError: it names no target, or an option belongs to another kind.
    """
    if (config.option.target or "") == "help":
        return
    try:
        config.stash[PROVIDER] = targets.parse(
            config.option.target or "reference", vars(config.option)
        )
        _check_profile(config)
        _check_writes(config)
    except targets.TargetSpecError as error:
        raise pytest.UsageError(str(error)) from error
    _set_limits(config.option, config.stash[PROVIDER].limits)


def _set_limits(option: argparse.Namespace, limits: targets.Limits) -> None:
    """Set the time limits that the command line leaves open from the target's file."""
    if option.peer_timeout is None:
        option.peer_timeout = limits.answer or DEFAULT_TIMEOUT
    if option.check_timeout is None:
        option.check_timeout = limits.check or CHECK_SECONDS
    if option.wait_for_target is None:
        option.wait_for_target = limits.wait or WAIT_SECONDS


def _check_writes(config: pytest.Config) -> None:
    """Check that the target accepts --allow-writes.

    Raises:
        TargetSpecError: the target's file alone says which units may be written.
    """
    if config.option.allow_writes and config.stash[PROVIDER].decides_writable_units:
        raise targets.TargetSpecError(
            f"--allow-writes is for iscsi:// targets; in {config.option.target} say "
            "`may_be_written = true` of the units whose data may be lost"
        )


def _check_profile(config: pytest.Config) -> None:
    """Check that --profile names a kind, and that the target is an iscsi:// target.

    Raises:
        TargetSpecError: there is no such kind, or the run starts the target itself.
    """
    name = config.option.profile
    if name is None:
        return
    targets.profile(name)
    if not (config.option.target or "").lower().startswith("iscsi://"):
        raise targets.TargetSpecError(
            "--profile is only for iscsi:// targets; a target file has `deviations_of`"
        )
