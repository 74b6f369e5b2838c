# SPDX-License-Identifier: GPL-2.0-only
"""What is believed of KVM, and for how long."""

from pathlib import Path
from unittest.mock import Mock

import pytest

from vmlab import acceleration, cache
from vmlab.kernel import Kernel


@pytest.fixture(autouse=True)
def probes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    tried: list[str] = []

    def probe(_connection: object, kernel: Kernel) -> bool:
        tried.append(kernel.version)
        return kernel.version == "good"

    device = tmp_path / "kvm"
    device.touch()
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(acceleration, "_DEVICE", device)
    monkeypatch.setattr(acceleration, "_host", lambda: "here")
    monkeypatch.setattr(acceleration, "_probe", probe)
    return tried


def is_usable(version: str) -> bool:
    return acceleration.is_usable(Mock(), Kernel(version, Path("/k"), ""))


def test_each_kernel_is_tried_once(probes: list[str]) -> None:
    answers = [is_usable(one) for one in ("good", "bad", "good", "bad")]

    assert answers == [True, False, True, False]
    assert probes == ["good", "bad"]


def test_another_host_is_tried_anew(
    probes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    is_usable("good")
    monkeypatch.setattr(acceleration, "_host", lambda: "there")

    is_usable("good")

    assert probes == ["good", "good"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"host": "here", "kvm": true}'])
def test_what_cannot_be_read_is_tried_anew(probes: list[str], text: str) -> None:
    (cache.folder() / "kvm.json").write_text(text)

    assert is_usable("good")
    assert probes == ["good"]


def test_without_a_device_nothing_is_tried(
    probes: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(acceleration, "_DEVICE", tmp_path / "none")

    assert not is_usable("good")
    assert probes == []
    assert "no /dev/kvm" in acceleration.describe()


def test_known_facts_are_printed(probes: list[str]) -> None:
    before = acceleration.describe()
    is_usable("good")
    valid = acceleration.describe()
    is_usable("bad")

    assert "not known yet" in before
    assert valid == "KVM: a probe guest answered (good)"
    assert acceleration.describe() == (
        "emulation: a probe guest did not answer (bad), answered (good)"
    )
    assert probes == ["good", "bad"]
