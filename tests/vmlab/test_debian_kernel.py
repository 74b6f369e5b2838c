# SPDX-License-Identifier: GPL-2.0-only
"""Which of Debian's kernels is taken."""

from collections.abc import Callable

import pytest

from vmlab import kernel, packages
from vmlab.errors import LabError

SHOWN = """\
Package: linux-image-amd64
Source: linux-signed-amd64 (6.1.192+2)
Version: 6.1.192-2
Depends: {depends}
Description-en: Linux for 64-bit PCs (meta-package)
"""


def printing(text: str) -> Callable[..., str]:
    return lambda *_command, **_options: text


def test_the_packages_version_is_the_one_that_the_meta_package_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    depends = "linux-image-6.1.0-56-amd64 (= 6.1.192-2)"
    monkeypatch.setattr(kernel, "run", printing(SHOWN.format(depends=depends)))

    assert kernel._newest() == ("linux-image-6.1.0-56-amd64", "6.1.192-2")


def test_a_dependency_without_a_version_is_looked_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    depends = "base-files, linux-image-6.1.0-56-amd64"
    monkeypatch.setattr(kernel, "run", printing(SHOWN.format(depends=depends)))
    monkeypatch.setattr(packages, "versions", lambda names: dict.fromkeys(names, "7"))

    assert kernel._newest() == ("linux-image-6.1.0-56-amd64", "7")


def test_missing_lists_of_apt_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "run", printing(""))

    with pytest.raises(
        LabError, match="no Debian kernel in its package lists; apt-get update"
    ):
        kernel._newest()
