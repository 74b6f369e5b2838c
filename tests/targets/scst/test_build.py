# SPDX-License-Identifier: GPL-2.0-only
"""The build of SCST, with a stand-in that makes empty files."""

from pathlib import Path

import pytest

from targets.scst import build
from targets.scst.build import Mode, Step
from targets.scst.source import open_source
from tests.targets.scst import standin
from tests.tools import require
from vmlab import cache
from vmlab.errors import LabError

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require("make")
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))


def test_scst_is_built_first(tmp_path: Path) -> None:
    root = standin.checkout(tmp_path / "scst")

    assert list(build.steps(root, Path("/k"), Mode.DEBUG)) == [
        Step("scst", ("2debug",)),
        Step("scst", ("all", "KDIR=/k")),
        Step("iscsi-scst", ("all", "KDIR=/k", "INFINIBAND_ENABLED=false")),
    ]


def test_headers_that_scst_would_make_are_made_for_the_daemon(tmp_path: Path) -> None:
    root = standin.checkout(tmp_path / "scst")
    daemon = [
        Step("iscsi-scst", ("include/iscsi_scst_itf_ver.h",)),
        Step("iscsi-scst", ("progs", "KDIR=/k")),
    ]

    new = list(build.steps(root, Path("/k"), Mode.RELEASE, has_modules=False))
    (root / "scst/src/Makefile").write_text("# an older one\n")
    old = list(build.steps(root, Path("/k"), Mode.RELEASE, has_modules=False))

    header = Step("scst/src", ("../include/scst_itf_ver.h", "KDIR=/k"))
    assert new == [Step("scst", ("2release",)), header, *daemon]
    assert old == [Step("scst", ("2release",)), *daemon]


def test_only_the_daemon_is_built_for_a_kernel_that_has_scst(tmp_path: Path) -> None:
    source = open_source(standin.checkout(tmp_path / "scst"))

    built = build.build(source, standin.kdir(tmp_path / "k"), has_modules=False)

    assert built.modules == ()
    assert built.daemon.exists()


def test_what_is_built_is_found_and_taken_again(tmp_path: Path) -> None:
    source = open_source(standin.checkout(tmp_path / "scst"))
    kdir = standin.kdir(tmp_path / "k")
    before = source.digest()

    first = build.build(source, kdir)
    second = build.build(source, kdir)
    other = build.build(source, kdir, Mode.DEBUG)

    assert [path.name for path in first.modules] == [
        "scst.ko",
        "scst_vdisk.ko",
        "iscsi-scst.ko",
    ]
    assert all(path.exists() for path in (*first.modules, first.daemon))
    assert first == second != other
    assert source.digest() == before


def test_what_a_kernel_has_is_asked_once_for_all_revisions(tmp_path: Path) -> None:
    root, kdir = standin.checkout(tmp_path / "scst"), standin.kdir(tmp_path / "k")
    asked = tmp_path / "asked"
    makefile = root / "iscsi-scst" / "Makefile"
    makefile.write_text(f"""{makefile.read_text()}
mods: conftest/one/result-6.1.txt
conftest/one/result-6.1.txt: conftest/one/one.c
\techo $< >> {asked}
\techo "-DHAS_$$(cat $<)" > $@
""")
    question = root / "iscsi-scst" / "conftest" / "one" / "one.c"
    question.parent.mkdir(parents=True)

    def times_asked(text: str, revision: str, kernel: Path = kdir) -> int:
        question.write_text(text)
        (root / "scst" / "revision").write_text(revision)
        built = build.build(open_source(root), kernel)
        answer = built.daemon.parents[1] / "conftest" / "one" / "result-6.1.txt"
        assert answer.read_text() == f"-DHAS_{text}\n"
        return len(asked.read_text().splitlines())

    assert times_asked("a", "first") == 1
    assert times_asked("a", "second") == 1
    assert times_asked("b", "third") == 2
    assert times_asked("a", "fourth") == 2
    assert times_asked("a", "fourth", standin.kdir(tmp_path / "other")) == 3


def test_all_revisions_are_built_at_one_path(tmp_path: Path) -> None:
    """Else ccache would compile each anew."""
    root, kdir = standin.checkout(tmp_path / "scst"), standin.kdir(tmp_path / "k")
    makefile, places = root / "scst" / "Makefile", tmp_path / "places"
    text = makefile.read_text()
    makefile.write_text(text.replace("all:\n", f"all:\n\techo $(CURDIR) >> {places}\n"))

    for revision in ("first", "second"):
        (root / "scst" / "revision").write_text(revision)
        built = build.build(open_source(root), kdir)
        assert built.daemon.exists()

    first, second = places.read_text().splitlines()
    assert first == second
    left = [path.name for path in (tmp_path / "cache" / "scst").glob(".*")]
    assert left == []


def test_a_component_that_does_not_build_is_named(tmp_path: Path) -> None:
    root = standin.checkout(tmp_path / "scst")
    makefile = root / "iscsi-scst" / "Makefile"
    makefile.write_text(makefile.read_text() + "\techo 'x.c:1: error: no'; false\n")

    with pytest.raises(LabError, match=r"iscsi-scst does not build.*; see ") as caught:
        build.build(open_source(root), standin.kdir(tmp_path / "k"))

    assert "x.c:1: error: no" in caught.value.log
    log = Path(caught.value.hint.removeprefix("see "))
    assert "x.c:1: error: no" in log.read_text()
    assert not list((tmp_path / "cache" / "scst").glob("[0-9a-f]*"))


def test_what_was_not_made_is_named(tmp_path: Path) -> None:
    root = standin.checkout(tmp_path / "scst")
    makefile = root / "scst" / "Makefile"
    text = makefile.read_text()
    makefile.write_text(text.replace("src/dev_handlers/scst_vdisk.ko", ""))

    with pytest.raises(
        LabError, match=r"built without scst/src/dev_handlers/scst_vdisk\.ko"
    ):
        build.build(open_source(root), standin.kdir(tmp_path / "k"))


def test_a_kernel_without_its_symbols_is_refused(tmp_path: Path) -> None:
    source = open_source(standin.checkout(tmp_path / "scst"))

    with pytest.raises(LabError, match=r"lacks Module\.symvers"):
        build.build(source, tmp_path)
