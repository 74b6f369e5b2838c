# SPDX-License-Identifier: GPL-2.0-only
from collections.abc import Iterator
from dataclasses import replace

import pytest

from initiator.login import LoginOptions
from initiator.probe.login import Authentication, Login, authentication
from initiator.probe.offer import Offer, UnitMissing, find_out, ranges
from initiator.probe.screen import in_short, screen
from initiator.probe.unit import Unit
from iscsi.errors import ISCSIError
from iscsi.scsi.capacity import Capacity16
from iscsi.scsi.inquiry import StandardInquiry
from targets import RunningTarget, parse
from tests.initiator.peer import Peer, listening
from tests.tools import require

SECONDS = 5.0
_HOSTILE = "\x1b[2Jname\n\u202e"

OFFER = Offer(
    portal="127.0.0.1:3260",
    name="iqn.2001-04.com.example:disk",
    login=Login({"MaxConnections": "4"}, {"TargetAlias": _HOSTILE}),
    authentication=Authentication("CHAP", algorithms=("MD5", "SHA256")),
    discovery=Authentication("None"),
    names=(_HOSTILE,),
    names_trouble="",
    luns=(0, 1, 2, 7),
    unit=Unit(
        1,
        inquiry=StandardInquiry(vendor="\x1b[31m", product="P", revision="1"),
        capacity=Capacity16(99, 4096),
        vpd_pages=(0, 0x83),
        mode_pages=((0x0A, None), (0x0A, 1)),
        control={"tst": 1},
    ),
)


def test_the_screen_reports_what_is_offered() -> None:
    printed = "\n".join(screen(OFFER))

    for words in (
        "MaxConnections=4",
        "asks for CHAP; algorithms: MD5, SHA256",
        "asks for no authentication",
        "0-2, 7",
        "100 blocks of 4096 bytes: 0.4 MiB",
        "00h 83h",
        "0Ah 0Ah/01h",
        "one for each I_T nexus (TST 1)",
    ):
        assert words in printed


def test_nothing_of_the_peer_reaches_the_terminal_as_it_is() -> None:
    for line in screen(OFFER):
        assert line.isprintable(), line


def test_a_row_is_bounded() -> None:
    long = replace(OFFER, login=Login({}, {"TargetAlias": "x" * 100_000}))

    assert sum(map(len, screen(long))) < 10_000


def test_an_offer_in_a_line() -> None:
    results = {"HeaderDigest": "CRC32C", "ErrorRecoveryLevel": "1"}

    assert in_short(results) == (
        "digests CRC32C/None (header/data), error recovery level 1, connections 1, "
        "R2Ts 1"
    )


def test_ranges_are_bounded() -> None:
    assert ranges((3, 1, 2, 9)) == "1-3, 9"
    assert ranges(()) == ""
    assert len(ranges(tuple(range(0, 100_000, 2)))) < 200


def silent(peer: Peer) -> None:
    while True:
        peer.receive()


def test_authentication_is_unknown_if_the_peer_stops_answering() -> None:
    with listening(silent) as portal:
        methods = authentication(portal, LoginOptions(), timeout=0.2)

    assert methods.method.startswith("no answer: ")


def test_a_silent_peer_is_an_error_in_time() -> None:
    with listening(silent) as portal, pytest.raises(ISCSIError):
        find_out(portal, LoginOptions(target_name="iqn.x"), 0, timeout=0.2)


_PROGRAMS = {"reference": (), "tgt": ("tgtd", "tgtadm"), "istgt": ("istgt",)}


@pytest.fixture(scope="module", params=_PROGRAMS)
def running(request: pytest.FixtureRequest) -> Iterator[RunningTarget]:
    require(*_PROGRAMS[request.param])
    with parse(request.param) as target:
        yield target


def find(running: RunningTarget, lun: int) -> Offer:
    options = LoginOptions(target_name=running.target.name)
    return find_out(running.portal, options, lun, timeout=SECONDS)


@pytest.mark.integration
def test_a_real_target_shows_its_configuration(
    running: RunningTarget,
) -> None:
    unit = running.target.find_scratch()
    assert unit is not None
    assert unit.size is not None

    unit_found = find(running, unit.lun)

    assert unit_found.login.results["HeaderDigest"] == "CRC32C"
    assert {one.name for one in running.targets} <= set(unit_found.names)
    assert unit_found.luns is not None
    assert {one.lun for one in running.target.logical_units} <= set(unit_found.luns)
    capacity = unit_found.unit.capacity
    assert capacity is not None
    assert (capacity.last_lba + 1) * capacity.block_length == unit.size
    assert unit_found.unit.troubles == ()
    assert unit_found.unit.control is not None
    assert unit_found.unit.commands is not None
    assert {"INQUIRY", "READ (10)"} <= set(unit_found.unit.commands.names)
    assert unit_found.authentication.method == "None"
    assert running.control.ending() is None


@pytest.mark.integration
def test_a_target_with_chap_shows_its_algorithms(
    running: RunningTarget,
) -> None:
    node = running.chap_target
    assert node is not None

    methods = authentication(
        running.portal, LoginOptions(target_name=node.name), timeout=SECONDS
    )

    assert methods.method == "CHAP"
    assert not methods.is_optional
    assert "MD5" in methods.algorithms


@pytest.mark.integration
def test_a_unit_that_does_not_exist(running: RunningTarget) -> None:
    with pytest.raises(UnitMissing, match="there is no logical unit 77; there are: "):
        find(running, 77)
