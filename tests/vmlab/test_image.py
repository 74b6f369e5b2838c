# SPDX-License-Identifier: GPL-2.0-only
"""What goes into an image besides modules: programs, files, libraries, packages."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.tools import require
from vmlab import image, modules, packages
from vmlab.errors import LabError
from vmlab.guest import Guest, inside

GUEST = Guest("odd", (), "true", ())

DEPENDS = """\
#!/bin/sh
# A stand-in for modprobe, of a kernel that has one of two modules.
for name in "$@"; do :; done
[ $name = there ] || exit 1
echo "insmod /lib/modules/$name.ko "
"""

POLICY = """\
one:
  Installed: (none)
  Candidate: 1.2-3
  Version table:
     1.2-3 500
two:
  Installed: 1:0.9
  Candidate: 1:1.0+b1
unheard-of:
  Installed: (none)
  Candidate: (none)
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package that is unpacked."""
    for place in ("sbin/daemon", "lib/plugins/a.rules", "lib/plugins/b.rules"):
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\n")
    return tmp_path


@pytest.fixture(autouse=True)
def _busybox() -> None:
    require("busybox")


@pytest.mark.lab
def test_a_package_comes_before_the_host(package: Path) -> None:
    (package / "bin").mkdir()
    (package / "bin" / "ls").write_text("#!/bin/sh\n")

    parts = image._parts(replace(GUEST, programs=("daemon", "ls")), package)

    assert parts["sbin/daemon"] == package / "sbin" / "daemon"
    assert parts["bin/ls"] == package / "bin" / "ls"


@pytest.mark.lab
def test_programs_of_the_host_bring_their_libraries(package: Path) -> None:
    parts = image._parts(replace(GUEST, programs=("ls",)), package)

    assert any(place.endswith("/libc.so.6") for place in parts)
    assert any("ld-linux" in place for place in parts)
    assert all(path.is_file() for path in parts.values())


@pytest.mark.lab
def test_what_was_built_here_is_where_no_disk_of_the_guest_hides_it(
    tmp_path: Path,
) -> None:
    program, other = tmp_path / "var" / "daemon", tmp_path / "conf"
    program.parent.mkdir()
    for path in (program, other):
        path.write_text("#!/bin/sh\n")

    guest = replace(GUEST, programs=(str(program),), own_files=(str(other),))
    parts = image._parts(guest, None)

    for path in (program, other):
        assert parts[inside(path).strip("/")] == path
        assert str(path).strip("/") not in parts


@pytest.mark.lab
def test_files_are_named_by_patterns(package: Path) -> None:
    parts = image._parts(replace(GUEST, files=("lib/plugins/*.rules",)), package)

    assert set(parts) == {"bin/busybox", "lib/plugins/a.rules", "lib/plugins/b.rules"}


@pytest.mark.lab
def test_a_file_that_no_package_has_is_named(package: Path) -> None:
    with pytest.raises(LabError, match="no package of the guest odd has"):
        image._parts(replace(GUEST, files=("nowhere/at.all",)), package)


def printed_by_apt(*_command: object, **_options: object) -> str:
    return POLICY


def test_the_versions_of_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "run", printed_by_apt)

    assert packages.versions(["one", "two"]) == {"one": "1.2-3", "two": "1:1.0+b1"}


@pytest.mark.parametrize("names", [["unheard-of"], ["one", "not-printed"]])
def test_an_unknown_package_is_named(
    names: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "run", printed_by_apt)

    with pytest.raises(LabError, match=names[-1]):
        packages.versions(names)


def test_optional_modules_are_those_that_the_kernel_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "modprobe").write_text(DEPENDS)
    (tmp_path / "modprobe").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    matches = list(modules.present(tmp_path, "6.1.7", ["gone", "there"]))

    assert matches == ["there"]
    with pytest.raises(LabError, match=r"the kernel 6\.1\.7 has no module gone"):
        modules.closure(tmp_path, "6.1.7", ["there", "gone"])
