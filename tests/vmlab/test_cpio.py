# SPDX-License-Identifier: GPL-2.0-only
"""Archives for an initramfs, read back by cpio itself."""

import subprocess

import pytest

from tests.tools import require
from vmlab import cpio


@pytest.mark.lab
def test_cpio_lists_what_was_put_in() -> None:
    require("cpio")
    archive = cpio.archive(
        [
            cpio.folder("proc"),
            cpio.file("bin/sh", b"#!", executable=True),
            cpio.file("etc/odd", b"12345"),
            cpio.link("bin/ls", "sh"),
            cpio.device("dev/console", 5, 1),
        ]
    )

    listed = subprocess.run(
        ["cpio", "-tv", "--quiet", "--numeric-uid-gid"],
        input=archive,
        capture_output=True,
        check=True,
        timeout=20,
    ).stdout.decode()
    lines = [line.split() for line in listed.splitlines()]

    assert [(words[0], words[8]) for words in lines if words[0][0] in "d-l"] == [
        ("drwxr-xr-x", "proc"),
        ("drwxr-xr-x", "bin"),
        ("-rwxr-xr-x", "bin/sh"),
        ("drwxr-xr-x", "etc"),
        ("-rw-r--r--", "etc/odd"),
        ("lrwxrwxrwx", "bin/ls"),
        ("drwxr-xr-x", "dev"),
    ]
    (console,) = (words for words in lines if words[0][0] == "c")
    assert console[0] == "crw-------"
    assert console[4:6] == ["5,", "1"]
    assert lines[4][4] == "5"


def test_the_same_entries_give_the_same_bytes() -> None:
    entries = [cpio.file("a/b", b"x"), cpio.folder("a")]

    assert cpio.archive(entries) == cpio.archive(entries)
    assert len(cpio.archive(entries)) % 512 == 0
