# SPDX-License-Identifier: GPL-2.0-only
"""The reference target's configuration and its start."""

import tomllib
from pathlib import Path

from targets import layout, reference
from targets.model import Portal

_PORTALS = (Portal("127.0.0.1", 20000), Portal("::1", 20001))


def test_configuration_is_toml_that_says_it_all() -> None:
    directory = Path('/a "quoted" \\ päth')
    targets = reference.recipe().targets

    text = reference.build_configuration(directory, _PORTALS, targets)
    read = tomllib.loads(text)

    assert [portal["address"] for portal in read["portal"]] == [
        "127.0.0.1:20000",
        "[::1]:20001",
    ]
    assert [target["name"] for target in read["target"]] == [t.name for t in targets]
    assert read["target"][0]["lun"][0] == {
        "lun": 0,
        "size": layout.LUN_SIZE,
        "read_only": False,
    }
    assert read["target"][0]["lun"][1]["file"] == f"{directory}/disk1-1.img"
    assert read["target"][0]["lun"][2]["read_only"]
    assert read["target"][2]["auth"] == {
        "user": layout.CHAP.user,
        "secret": layout.CHAP.secret,
        "mutual_user": layout.CHAP.mutual_user,
        "mutual_secret": layout.CHAP.mutual_secret,
    }


def test_faults_and_trace_are_options() -> None:
    assert reference.build_options(["a", "b"], trace=True) == (
        *("--fault", "a", "--fault", "b"),
        "--trace",
    )
    assert reference.build_options([], trace=False) == ()
