# SPDX-License-Identifier: GPL-2.0-only
"""Frames of traces, and the lines of source that are found for them."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.tools import require
from vmlab import cache, debuginfo, trace
from vmlab.tool import run

pytestmark = pytest.mark.integration

SOURCE = """\
void sink(int value);
static inline __attribute__((always_inline)) void inner(int value)
{
    sink(value + 1);
    sink(value + 2);
}
void outer(int value)
{
    inner(value);
    sink(value);
}
"""
TWINS = """\
static int twin(int n) {{ {body} }}
int (*get_{name}(void))(int) {{ return twin; }}
"""


@dataclass(frozen=True, slots=True)
class Function:
    """A function as the test finds it in the file that it has compiled."""

    size: int
    calls: tuple[int, ...]
    """The offsets to which its calls come back."""


@pytest.fixture(autouse=True)
def _tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for program in ("gcc", "objdump", "addr2line", "objcopy"):
        require(program)
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))


def compiled(folder: Path, name: str, *options: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "code.c").write_text(SOURCE)
    words = ("-O2", "-g", "-fno-optimize-sibling-calls", *options)
    run("gcc", *words, "-o", folder / name, folder / "code.c", cwd=folder)
    return folder / name


def module(folder: Path) -> Path:
    return compiled(folder, "two-words.ko", "-c", "-ffunction-sections")


def kernel(folder: Path) -> Path:
    (folder / "sink.c").write_text("void sink(int n) { (void)n; } int main(void);")
    (folder / "main.c").write_text("int main(void) { return 0; }")
    further = (str(folder / "sink.c"), str(folder / "main.c"))
    return compiled(folder, "vmlinux", "-static", "-no-pie", *further)


def function(path: Path, name: str) -> Function:
    (size,) = re.findall(
        rf"\t([0-9a-f]{{16}}) {name}$",
        run("objdump", "--syms", "--wide", path),
        re.MULTILINE,
    )
    listed = run("objdump", "--disassemble=" + name, path)
    start = int(re.findall(rf"^([0-9a-f]+) <{name}>:", listed, re.MULTILINE)[0], 16)
    after = re.findall(r"\tcall .*\n(?:.*R_X86.*\n)*\s*([0-9a-f]+):", listed)
    return Function(int(size, 16), tuple(int(one, 16) - start for one in after))


def decoded(path: Path, text: str) -> list[str]:
    name = path.stem.replace("-", "_")
    return trace.decode(text, {name: path}).splitlines()


def test_a_frame_of_a_module_has_its_line_and_what_was_inlined(tmp_path: Path) -> None:
    path = module(tmp_path)
    outer = function(path, "outer")
    first, second, third = outer.calls
    stamp = "[    8.300000]  "
    frames = [
        f"{stamp}outer+{offset:#x}/{outer.size:#x} [two_words]"
        for offset in (first, second, third)
    ]

    output = decoded(path, "\n".join(frames))

    code = tmp_path / "code.c"
    assert output == [
        f"{stamp}inner (inlined, {code}:4)",
        f"{frames[0]} ({code}:9)",
        f"{stamp}inner (inlined, {code}:5)",
        f"{frames[1]} ({code}:9)",
        f"{frames[2]} ({code}:10)",
    ]


def test_a_frame_of_the_kernel_has_its_line(tmp_path: Path) -> None:
    path = kernel(tmp_path)
    outer = function(path, "outer")

    (reported,) = decoded(path, f" outer+{outer.calls[-1]:#x}/{outer.size + 5:#x}")

    assert reported.endswith(f" ({tmp_path / 'code.c'}:10)"), "its size is rounded up"


def test_an_instruction_pointer_is_no_place_to_come_back_to(tmp_path: Path) -> None:
    path = module(tmp_path)
    outer = function(path, "outer")
    third = outer.calls[-1]
    frame = f"outer+{third:#x}/{outer.size:#x} [two_words]"

    (called,) = decoded(path, f" {frame}")
    (at,) = decoded(path, f"RIP: 0010:{frame}")
    (warned,) = decoded(path, f"WARNING: CPU: 0 PID: 1 at x.c:1 {frame}")

    assert called.endswith("code.c:10)")
    assert at.endswith("code.c:11)")
    assert warned.endswith("code.c:11)")


def test_two_functions_of_a_name_are_distinguished_by_their_size(
    tmp_path: Path,
) -> None:
    bodies = {"small": "return n;", "large": "return n / 3 + n / 5 + n / 7 + n / 11;"}
    for name, body in bodies.items():
        source = tmp_path / f"{name}.c"
        source.write_text(TWINS.format(body=body, name=name))
        run("gcc", "-O2", "-g", "-c", "-o", tmp_path / f"{name}.o", source)
    path = tmp_path / "twins.ko"
    run("ld", "-r", "-o", path, tmp_path / "small.o", tmp_path / "large.o")
    printed = run("objdump", "--syms", "--wide", path)
    sizes = [
        int(one, 16)
        for one in re.findall(r"\t([0-9a-f]{16}) twin$", printed, re.MULTILINE)
    ]

    reported = [decoded(path, f"RIP: twin+0x0/{size:#x} [twins]")[0] for size in sizes]
    neither = decoded(path, f"twin+0x1/{max(sizes) + 999:#x} [twins]")

    assert [
        f"{name}.c:1" in line for name, line in zip(bodies, reported, strict=True)
    ] == [
        True,
        True,
    ]
    assert neither == [f"twin+0x1/{max(sizes) + 999:#x} [twins]"], "rather none"


def test_files_of_the_cache_are_called_as_in_their_sources(tmp_path: Path) -> None:
    tree = tmp_path / "cache" / "kernel-source" / "0123456789abcdef01234567"
    path = module(tree / "drivers" / "target")
    outer = function(path, "outer")

    (reported,) = decoded(
        path, f" outer+{outer.calls[-1]:#x}/{outer.size:#x} [two_words]"
    )

    assert reported.endswith(" (drivers/target/code.c:10)")


def test_missing_debug_information_is_reported_once(tmp_path: Path) -> None:
    path = module(tmp_path)
    text = " f+0x1/0x2 [iscsi_target_mod]\n g+0x1/0x2\n h+0x1/0x2\n"

    assert decoded(path, text) == [
        *text.splitlines(),
        "[not decoded: no debug information of iscsi_target_mod, vmlinux]",
    ]


def test_a_tool_that_is_missing_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = module(tmp_path)
    monkeypatch.setattr("vmlab.tool.shutil", _Nothing)

    assert decoded(path, " outer+0x1/0x2 [two_words]")[1:] == [
        "[not decoded: objdump is not installed; apt-get install binutils]"
    ]


class _Nothing:
    @staticmethod
    def which(*_words: object, **_named: object) -> None:
        return None


def test_ordinary_lines_stay_as_they_are(tmp_path: Path) -> None:
    text = "[    1.0] loop: module loaded\n\n[    1.1] a+b/c 0x12/0x34"

    assert trace.decode(text, {"two_words": module(tmp_path)}) == text


def test_what_boots_has_no_debug_information_and_what_is_kept_has(
    tmp_path: Path,
) -> None:
    built = kernel(tmp_path)
    root = tmp_path / "root"
    (root / "extra").mkdir(parents=True)
    shutil.copy2(built, root / "vmlinux")
    debuginfo.keep(root, built, [])
    debuginfo.strip(root / "vmlinux")
    debuginfo.add(root, module(tmp_path), root / "extra" / "two-words.ko")
    other = tmp_path / "other"
    other.mkdir()
    debuginfo.share(root, other)

    for name in ("vmlinux", "extra/two-words.ko"):
        assert ".debug_info" not in run("objdump", "--section-headers", root / name)
    for folder in (root, other):
        stored = debuginfo.files(folder)
        assert sorted(stored) == ["two_words", "vmlinux"]
        for path in stored.values():
            assert ".debug_info" in run("objdump", "--section-headers", path)
