# SPDX-License-Identifier: GPL-2.0-only
"""allure-pytest's own plugins at a fraction of their cost, with the same results.

In a suite of small checks, a result costs as much time as a check of one PDU. Much of
it is computed for every check although it is the same for many of them.
"""

import errno
import os
import re
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import allure_commons
import msgspec
import pytest
from allure_commons.logger import AllureFileLogger
from allure_commons.model2 import Label, Parameter, TestResult
from allure_commons.types import LabelType
from allure_commons.utils import md5, platform_label, represent, uuid4
from allure_pytest.listener import AllureListener
from allure_pytest.utils import (
    allure_description,
    allure_full_name,
    allure_name,
    allure_package,
    allure_suite_labels,
    allure_title,
    allure_title_path,
    should_convert_mark_to_tag,
)

LISTENER = "allure_listener"
"""The name of allure-pytest's own plugin."""

_MARKS = "allure_"
"""How the names of Allure's own markers begin."""

_ADDRESS = re.compile(r" at 0x[0-9a-f]+(?=>)")
"""The memory address of a function, which differs between runs."""


class LeanLogger(AllureFileLogger):
    """Writes a result in a third of the time that Allure's own logger takes.

    Allure writes to a temporary file and renames it, which takes as long as the rest. A
    single write of a few KiB is complete unless the disk is full.
    """

    def _report_item(self, item: Any) -> None:
        folder: Path = self._report_dir
        identity = getattr(item, "uuid", None) or uuid4()
        path = f"{folder}/{item.file_pattern.format(prefix=identity)}"
        content = msgspec.json.encode(_plain(item))
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            written = os.write(file, content)
        finally:
            os.close(file)
        if written < len(content):
            Path(path).unlink()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)


def _plain(item: Any) -> dict[str, Any]:
    """Return an object of Allure's as JSON types, without empty values."""
    plain: dict[str, Any] = {}
    for name, value in vars(item).items():
        if type(value) is list:
            if value:
                plain[name] = _plain_list(value)
        elif hasattr(value, "__attrs_attrs__"):
            plain[name] = _plain(value)
        elif value or value is False:
            plain[name] = value
    return plain


def _plain_list(values: list[Any]) -> list[Any]:
    """Return a list of Allure's objects, or of strings, as JSON types."""
    if type(values[0]) is Label and all(one.value for one in values):
        # The encoder accepts them unchanged: most of a result is labels.
        return values
    return [_plain(one) if hasattr(one, "__attrs_attrs__") else one for one in values]


@dataclass(frozen=True, slots=True)
class _Function:
    """The common part of the results of all parameter sets of one check."""

    full_name: str
    case_id: str
    title_path: tuple[str, ...]
    description: str | None
    labels: tuple[Label, ...]


class LeanListener(AllureListener):
    """Stores the results, and computes their common parts once for each check.

    Fixtures are left out: they do not help a report's reader, since the steps contain
    the exchange, and a file for each fixture of each check takes longer than everything
    else. A check with Allure's own markers uses Allure's own, slower code.
    """

    functions: dict[str, _Function]
    """The common part of each check's results, by its name without parameters."""

    # pluggy ignores a hook that is not a function.
    pytest_fixture_setup = None
    pytest_fixture_post_finalizer = None

    def _update_fixtures_children(self, item: pytest.Item) -> None:
        """Do nothing: fixtures have no container."""

    def result_of(self, item: pytest.Item) -> TestResult | None:
        """Return the result of a running check."""
        return self.result_by(item.nodeid)

    def result_by(self, nodeid: str) -> TestResult | None:
        """Return the result of a running check, by its node ID."""
        identity = self._cache.get(nodeid)
        return self.allure_logger.get_test(identity) if identity else None

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None]:
        """Fill in the known facts about a check after its setup."""
        result = self.result_of(item)
        if result is None or _has_marks_of_allure(item):
            yield from super().pytest_runtest_setup(item)
            return
        yield
        function = self._function(item)
        parameters = _parameters(item)
        result.name = _name(item, parameters)
        result.fullName = function.full_name
        result.titlePath = list(function.title_path)
        result.testCaseId = function.case_id
        result.description = function.description
        known = {one.name for one in result.parameters}
        result.parameters.extend(
            Parameter(name=name, value=_ADDRESS.sub("", represent(value)))
            for name, value in parameters.items()
            if name not in known
        )

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None]:
        """Fill in the labels, and the fields that identify the check in other runs."""
        result = self.result_of(item)
        if result is None or _has_marks_of_allure(item):
            yield from super().pytest_runtest_teardown(item)
            return
        yield
        function = self._function(item)
        # Allure uses a hash of the parameters' values: some contain a memory address,
        # or are sets, so the hash differs from run to run.
        callspec = getattr(item, "callspec", None)
        result.historyId = (
            md5(function.full_name, callspec.id) if callspec else function.case_id
        )
        result.labels += [
            *(
                Label(name=LabelType.TAG, value=mark.name)
                for mark in item.iter_markers()
                if should_convert_mark_to_tag(mark)
            ),
            *function.labels,
        ]

    def _function(self, item: pytest.Item) -> _Function:
        key = item.nodeid.partition("[")[0]
        function = self.functions.get(key)
        if function is None:
            function = self.functions[key] = self._describe(item)
        return function

    def _describe(self, item: pytest.Item) -> _Function:
        full_name = allure_full_name(item)
        labels = (
            *allure_suite_labels(item),
            (LabelType.HOST, self._host),
            (LabelType.THREAD, self._thread),
            (LabelType.FRAMEWORK, "pytest"),
            (LabelType.LANGUAGE, platform_label()),
            ("package", allure_package(item)),
        )
        return _Function(
            full_name,
            md5(full_name),
            tuple(allure_title_path(item)),
            allure_description(item),
            tuple(Label(name=name, value=value) for name, value in labels),
        )


def _has_marks_of_allure(item: pytest.Item) -> bool:
    return any(mark.name.startswith(_MARKS) for mark in item.iter_markers())


def _parameters(item: pytest.Item) -> dict[str, Any]:
    return item.callspec.params if hasattr(item, "callspec") else {}


def _name(item: pytest.Item, parameters: dict[str, Any]) -> str:
    """Return the title of a check, which may name parameters in braces."""
    title: str | None = allure_title(item)
    if title is not None and "{" not in title and "}" not in title:
        return title
    callspec = getattr(item, "callspec", None)
    name: str = allure_name(item, parameters, callspec and callspec.id)
    return name


def make_lean(config: pytest.Config) -> None:
    """Make Allure's plugins do less for each check.

    Only their classes change: Allure unregisters these very objects at the end.
    """
    for plugin in allure_commons.plugin_manager.get_plugins():
        if type(plugin) is AllureFileLogger:
            plugin.__class__ = LeanLogger
    manager = config.pluginmanager
    listener = manager.get_plugin(LISTENER)
    if listener is not None:
        manager.unregister(listener)
        listener.__class__ = LeanListener
        listener.functions = {}
        manager.register(listener, LISTENER)


def listener_of(config: pytest.Config) -> LeanListener | None:
    """Return the plugin that stores the results of a run; None without --alluredir."""
    listener = config.pluginmanager.get_plugin(LISTENER)
    return listener if isinstance(listener, LeanListener) else None


def result_under_way(nodeid: str) -> TestResult | None:
    """Return the result of a check that runs or has just ended, by its ID."""
    for plugin in allure_commons.plugin_manager.get_plugins():
        if isinstance(plugin, LeanListener):
            return plugin.result_by(nodeid)
    return None
