# SPDX-License-Identifier: GPL-2.0-only
"""Fixtures for logins to a target name that asks for CHAP."""

from collections.abc import Callable

import pytest

from initiator.login import LoginExchange, LoginOptions
from suites.plugins.targets import TestedTarget
from suites.support.security import ChapLogin, options_of

NewLogin = Callable[..., LoginExchange]
NewChapLogin = Callable[[], ChapLogin]


@pytest.fixture
def chap_options(target: TestedTarget, options: LoginOptions) -> LoginOptions:
    """How to log in to the target name that requires CHAP."""
    node = target.running.chap_target
    assert node is not None
    return options_of(target, options, node)


@pytest.fixture
def new_chap_login(new_login: NewLogin, chap_options: LoginOptions) -> NewChapLogin:
    """Start logins to the target name that requires CHAP."""

    def start() -> ChapLogin:
        return ChapLogin(new_login(), chap_options)

    return start


@pytest.fixture
def chap_login(new_chap_login: NewChapLogin) -> ChapLogin:
    """A login to the target name that requires CHAP, before its first request."""
    return new_chap_login()
