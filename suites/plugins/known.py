# SPDX-License-Identifier: GPL-2.0-only
"""What is known about the target under test, and which of it explains a failure."""

import re
from pathlib import Path

import pytest

import targets
from reports.model import Ending, Entry, Failure
from reports.suites import name_of
from spec import load as load_catalogue
from suites.judging.known import (
    Deviation,
    Known,
    KnownCrash,
    KnownFileError,
    load,
    unmatched,
)
from suites.plugins import targets as targets_plugin
from suites.plugins.options import PROVIDER
from suites.plugins.permission import ROBUSTNESS, is_robustness
from suites.plugins.requirements import AREAS

_ROOT = Path(__file__).parents[2]
FOLDER = _ROOT / "suites" / "deviations"

_KNOWN = pytest.StashKey[Known]()
_FILES = pytest.StashKey[dict[Path, Known]]()
_FUNCTION = re.compile(r"^def (test_\w+)\(", re.MULTILINE)


def pytest_configure(config: pytest.Config) -> None:
    """Read the known deviations and crashes of the target under test.

    Raises:
        pytest.UsageError: their file is wrong.
    """
    config.stash[_KNOWN] = Known()
    config.stash[_FILES] = {}
    provider = config.stash.get(PROVIDER, None)
    if provider is None:
        return
    try:
        files = {
            path: load(path, load_catalogue()) for path in _paths(config, provider)
        }
    except KnownFileError as error:
        raise pytest.UsageError(str(error)) from error
    config.stash[_FILES] = files
    config.stash[_KNOWN] = Known(
        tuple(entry for listed in files.values() for entry in listed.deviation),
        tuple(entry for listed in files.values() for entry in listed.crash),
    )
    if files and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Controller(config))


def _paths(config: pytest.Config, provider: targets.Provider) -> list[Path]:
    """Return the files of known deviations and crashes of the target."""
    if config.option.deviations:
        return [config.option.deviations]
    kind = config.option.profile or provider.deviations_of
    folder = FOLDER / "robustness" if is_robustness(config) else FOLDER
    of_kind = folder / f"{(kind or '').removesuffix('-vm')}.toml"
    files = [of_kind] if kind and of_kind.exists() else []
    if provider.deviations_file is not None:
        files.append(provider.deviations_file)
    return files


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Refuse a pattern that matches no check.

    Raises:
        pytest.UsageError: there is one; the message names file, entry and key.
    """
    if not hasattr(config, "workerinput"):
        wrong = _find_unmatched(config, [item.nodeid for item in items])
        if wrong:
            raise pytest.UsageError(wrong)


class _Controller:
    """Examines the checks that workers have collected."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Refuse a pattern that matches no check, once."""
        wrong = _find_unmatched(self._config, ids)
        if wrong:
            pytest.exit(wrong, pytest.ExitCode.USAGE_ERROR)


def _find_unmatched(config: pytest.Config, nodeids: list[str]) -> str:
    """Return a pattern that matches no check, collected or not.

    Checks that were not collected are known by their function names, without
    parameters.
    """
    files = config.stash[_FILES]
    names = {name_of(one) for one in nodeids}
    if not any(unmatched(listed, names) for listed in files.values()):
        return ""  # a complete run ends here and need not read the suite's files
    folder = ROBUSTNESS if is_robustness(config) else AREAS
    # The command line may select a check with only one of its parameters.
    named = {Path(one.partition("[")[0]).name for one in config.args if "[" in one}
    reached = {
        function
        for one in names
        if (function := one.partition("[")[0]).rpartition("/")[2] not in named
    }
    others = (_functions(folder) | _functions_beside(config, names)) - reached
    for path, listed in files.items():
        problem = unmatched(listed, names, others)
        if problem:
            return f"{path}: {problem}"
    return ""


def _functions(folder: Path) -> set[str]:
    """Return all checks of a suite, from its files, without their parameters."""
    return {
        f"{path.relative_to(folder)}::{name}"
        for path in folder.rglob("test_*.py")
        for name in _FUNCTION.findall(path.read_text(encoding="utf-8"))
    }


def _functions_beside(config: pytest.Config, names: set[str]) -> set[str]:
    """Return all checks of the files that lie outside the suite, without parameters."""
    files = {name.partition("::")[0] for name in names}
    paths = {file: config.rootpath / file for file in files}
    return {
        f"{file}::{name}"
        for file, path in paths.items()
        if path.is_file()
        for name in _FUNCTION.findall(path.read_text(encoding="utf-8"))
    }


@pytest.fixture
def is_listed(request: pytest.FixtureRequest) -> bool:
    """Whether the check is listed among the known deviations of the target."""
    return any(not deviation.is_narrow for deviation in deviations_of(request.node))


def deviations_of(item: pytest.Item) -> list[Deviation]:
    """Return the deviations that a check is known to show."""
    deviations, version = item.config.stash[_KNOWN].deviation, _version(item)
    return [entry for entry in deviations if entry.concerns(check_name(item), version)]


def listed(item: pytest.Item, deviation: Deviation) -> Entry:
    """Return a deviation in the form of the run file."""
    files = item.config.stash[_FILES]
    path = next(path for path in files if deviation in files[path].deviation)
    is_ours = path.is_relative_to(_ROOT)
    return Entry(
        requirement=deviation.requirement,
        what=deviation.what,
        version=deviation.version,
        file=str(path.relative_to(_ROOT) if is_ours else path),
    )


def explanation(
    item: pytest.Item, ending: Ending | None, failure: Failure | None = None
) -> Deviation | None:
    """Return the narrowest deviation that explains an event, if any.

    Args:
        item: the check.
        ending: how the target died; None if it lives.
        failure: the failed expectation.
    """
    for deviation in sorted(deviations_of(item), key=lambda one: not one.is_narrow):
        if deviation.explains(ending, failure):
            return deviation
    return None


def crash_of(item: pytest.Item, ending: Ending | None) -> KnownCrash | None:
    """Return the known crash that ended the target in a check, if it is one."""
    if ending is None:
        return None
    for crash in item.config.stash[_KNOWN].crash:
        if crash.concerns(check_name(item), _version(item)) and crash.explains(ending):
            return crash
    return None


def check_name(item: pytest.Item) -> str:
    """Return a check's node ID below the folder of its suite."""
    return name_of(item.nodeid)


def _version(item: pytest.Item) -> str:
    return targets_plugin.of(item.config).running.version
