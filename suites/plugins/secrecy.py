# SPDX-License-Identifier: GPL-2.0-only
"""Keeps the CHAP secrets of a remote target out of all output of a run.

The toolkit prints none. The arguments of functions, which pytest prints for a failure,
may contain one, or a right CHAP_R, from which a secret can be guessed offline. The
secrets of targets in the lab are public.
"""

import resource
from collections.abc import Generator, Iterator

import pytest

import targets
from initiator.proofs import LEFT_OUT, prose_without_proofs
from suites.plugins import targets as targets_plugin
from suites.plugins.options import PROVIDER

_SHORT = 8
"""A secret shorter than this many characters is searched for in quotes only."""

_IS_BLIND = pytest.StashKey[bool]()
"""The user asked for local variables, which are not shown."""


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Write no core file and show no local variables if the target is remote."""
    if not _is_foreign(config):
        return
    _, hard_limit = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard_limit))
    config.stash[_IS_BLIND] = bool(config.option.showlocals)
    config.option.showlocals = False


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Print what is hidden, and what is not."""
    lines = []
    if config.stash.get(_IS_BLIND, False):
        lines.append("--showlocals is ignored: a local variable may hold a CHAP secret")
    if _is_foreign(config) and "%" in (config.option.target or "").rpartition("@")[0]:
        lines.append(
            "the CHAP secret in --target stands in the process list: give it as "
            "ISCSI_ASSAY_CHAP_SECRET in the environment"
        )
    return lines


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remove secrets and CHAP responses from a report before it is used."""
    report = yield
    if not _is_foreign(item.config) or not targets_plugin.is_wanted(item.config):
        return report
    secrets = sorted(_secrets(targets_plugin.of(item.config).running), key=len)[::-1]
    text = report.longreprtext
    hidden = _without(text, secrets)
    if hidden != text:
        report.longrepr = hidden
    report.sections = [
        (name, _without(content, secrets)) for name, content in report.sections
    ]
    return report


def _is_foreign(config: pytest.Config) -> bool:
    provider = config.stash.get(PROVIDER, None)
    return provider is not None and provider.is_shared


def _secrets(running: targets.RunningTarget) -> Iterator[str]:
    chaps = [*(target.chap for target in running.targets), running.discovery_chap]
    for chap in chaps:
        if chap is not None:
            yield chap.credentials.password
            if chap.mutual is not None:
                yield chap.mutual.password
    for target in running.targets:
        yield from (one.credentials.password for one in target.identities)


def _without(text: str, secrets: list[str]) -> str:
    for secret in filter(None, secrets):
        # A short secret may be a part of many ordinary words.
        is_short = len(secret) < _SHORT
        forms = (f"'{secret}'", f'"{secret}"') if is_short else (secret,)
        for form in forms:
            text = text.replace(form, LEFT_OUT)
    return prose_without_proofs(text)
