# SPDX-License-Identifier: GPL-2.0-only
"""Fixtures for logins to a target name that asks for CHAP."""

from collections.abc import Callable

import pytest

import targets
from initiator.login import LoginExchange, LoginOptions
from suites.plugins.requirements import requirements_of
from suites.plugins.targets import TestedTarget
from suites.support.security import ChapLogin, options_of
from suites.support.ways import PLAIN, Way, way_into

NewLogin = Callable[..., LoginExchange]
NewChapLogin = Callable[[], ChapLogin]


@pytest.fixture
def chap_node(target: TestedTarget) -> targets.Target:
    """The target name that requires CHAP."""
    node = target.running.chap_target
    assert node is not None
    return node


@pytest.fixture
def chap_way(
    request: pytest.FixtureRequest,
    target: TestedTarget,
    options: LoginOptions,
    chap_node: targets.Target,
) -> Way:
    """The way by which CHAP lets this check in: the plain one if it is about that."""
    way = way_into(request, target, options_of(target, options, chap_node), chap_node)
    clauses = {one.id for one in requirements_of(request.node)}
    return way if way.is_for(clauses) else PLAIN


@pytest.fixture
def chap_options(
    target: TestedTarget,
    options: LoginOptions,
    chap_node: targets.Target,
    chap_way: Way,
) -> LoginOptions:
    """How to log in to the target name that requires CHAP."""
    plain = options_of(target, options, chap_node)
    return chap_way.change(plain, chap_node) or plain


@pytest.fixture
def new_chap_login(
    new_login: NewLogin, chap_options: LoginOptions, chap_way: Way
) -> NewChapLogin:
    """Start logins to the target name that requires CHAP."""

    def start() -> ChapLogin:
        return ChapLogin(new_login(), chap_options, chap_way)

    return start


@pytest.fixture
def chap_login(new_chap_login: NewChapLogin) -> ChapLogin:
    """A login to the target name that requires CHAP, before its first request."""
    return new_chap_login()
