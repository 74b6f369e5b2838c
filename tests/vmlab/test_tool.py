# SPDX-License-Identifier: GPL-2.0-only
"""Programs: where they are found, how long they may take, what is said of a failure."""

from pathlib import Path

import pytest

from vmlab.errors import LabError
from vmlab.tool import attempt, find, run


def test_a_daemon_is_found_where_a_user_does_not_look(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    daemon = tmp_path / "daemond"
    daemon.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setattr("vmlab.tool.SBIN", str(tmp_path))

    assert find("daemond") == str(daemon)


@pytest.mark.parametrize(
    ("package", "hint"), [(None, "apt-get install kmod"), ("other", "install other")]
)
def test_a_missing_program_names_its_package(
    package: str | None, hint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("vmlab.tool.SBIN", "")

    with pytest.raises(LabError, match="depmod is not installed") as caught:
        find("depmod", package)

    assert caught.value.hint.endswith(hint)


def test_a_command_without_end_is_stopped() -> None:
    with pytest.raises(LabError, match=r"sleep did not end within 0\.05 s"):
        attempt([find("sleep"), "30"], seconds=0.05)


def test_an_exit_status_is_returned_with_both_outputs() -> None:
    words = [find("sh"), "-c", "echo $NAME; echo no >&2; exit 3"]

    result = attempt(words, environment={"NAME": "yes"})

    assert (result.returncode, result.stdout, result.stderr) == (3, "yes\n", "no\n")


def test_a_status_that_is_not_allowed_is_an_error_with_the_last_line() -> None:
    with pytest.raises(LabError, match="sh failed with code 3: no"):
        run("sh", "-c", "echo yes; echo no >&2; exit 3")

    assert run("sh", "-c", "echo yes; exit 3", allowed=(3,)) == "yes\n"
