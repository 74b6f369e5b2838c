# SPDX-License-Identifier: GPL-2.0-only
"""The initiator on targets that others wrote: what it believes, they believe too."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from initiator.connection import Portal
from initiator.login import DEFAULT_KEYS, LoginOptions, LoginRefused
from initiator.session import Session
from iscsi import chap
from iscsi.constants import LogoutReason, TMFunction, TMResponse
from iscsi.scsi import cdb
from iscsi.scsi.capacity import Capacity10
from targets import RunningTarget, parse
from tests.tools import require

pytestmark = pytest.mark.integration

PROGRAMS = {"reference": (), "tgt": ("tgtd", "tgtadm"), "istgt": ("istgt",)}


@pytest.fixture(scope="module", params=PROGRAMS)
def running(request: pytest.FixtureRequest) -> Iterator[RunningTarget]:
    require(*PROGRAMS[request.param])
    with parse(request.param) as target:
        yield target


@pytest.fixture
def options(running: RunningTarget) -> LoginOptions:
    return LoginOptions(target_name=running.target.name)


def open_session(
    running: RunningTarget, options: LoginOptions, *, portal: int = 0
) -> Session:
    unit = running.target.find_scratch()
    assert unit is not None
    place = Portal(running.portals[portal].host, running.portals[portal].port)
    session = Session(place, options, lun=unit.lun)
    if not options.is_discovery:
        while not session.execute(cdb.test_unit_ready()).is_good:
            pass
    return session


def test_discovery_names_what_is_configured(running: RunningTarget) -> None:
    with open_session(running, LoginOptions(is_discovery=True)) as session:
        pairs = session.send_targets()

    names = {value for key, value in pairs if key == "TargetName"}
    assert names >= {target.name for target in running.targets}


@pytest.mark.parametrize("digests", ["None", "CRC32C"])
@pytest.mark.parametrize("immediate", ["Yes", "No"])
def test_what_is_written_is_read_back(
    running: RunningTarget, options: LoginOptions, digests: str, immediate: str
) -> None:
    keys = {
        **DEFAULT_KEYS,
        "HeaderDigest": digests,
        "DataDigest": digests,
        "ImmediateData": immediate,
        "InitialR2T": "No",
    }
    with open_session(running, replace(options, keys=keys)) as session:
        assert session.login.results["HeaderDigest"] == digests
        capacity = session.execute(cdb.read_capacity_10(), read=8).data
        size = Capacity10.parse(capacity).block_length
        data = bytes(number % 253 for number in range(300 * 1024 // size * size))
        blocks = len(data) // size

        write_result = session.execute(cdb.write_10(lba=8, blocks=blocks), write=data)
        read = session.execute(cdb.read_10(lba=8, blocks=blocks), read=len(data))

    assert write_result.is_good, write_result
    assert read.is_good, read
    assert read.data == data


def test_a_logout_ends_the_connection(
    running: RunningTarget, options: LoginOptions
) -> None:
    session = open_session(running, options)

    answer = session.logout(LogoutReason.CLOSE_SESSION)

    assert answer.response == 0
    assert session.connection.wait_closed()
    session.close()


def test_pings_and_task_management_are_answered(
    running: RunningTarget, options: LoginOptions
) -> None:
    with open_session(running, options) as session:
        assert bytes(session.ping(b"four").data) == b"four"
        answer = session.task_management(TMFunction.ABORT_TASK_SET)

    assert answer.response in (
        TMResponse.FUNCTION_COMPLETE,
        TMResponse.FUNCTION_NOT_SUPPORTED,
    )


@pytest.mark.parametrize("is_mutual", [False, True])
def test_chap_lets_in(running: RunningTarget, is_mutual: bool) -> None:
    with open_session(running, chap_options(running, is_mutual=is_mutual)) as session:
        assert session.is_open


def test_chap_keeps_out(running: RunningTarget) -> None:
    wrong = chap.Credentials("nobody", b"not-the-secret-1")
    options = replace(chap_options(running, is_mutual=False), credentials=wrong)

    with pytest.raises(LoginRefused) as caught:
        open_session(running, options)

    assert caught.value.status == 0x0201


def chap_options(running: RunningTarget, *, is_mutual: bool) -> LoginOptions:
    node = running.chap_target
    assert node is not None
    chap_names = node.chap
    assert chap_names is not None
    return LoginOptions(
        target_name=node.name,
        credentials=chap_names.credentials,
        mutual=chap_names.mutual if is_mutual else None,
    )


def test_ipv6_portals_serve_too(running: RunningTarget, options: LoginOptions) -> None:
    if "ipv6" not in running.features:
        pytest.skip("this machine has no IPv6 loopback")
    place = next(i for i, portal in enumerate(running.portals) if ":" in portal.host)

    with open_session(running, options, portal=place) as session:
        assert session.execute(cdb.test_unit_ready()).is_good


def test_several_connections_share_a_session(
    running: RunningTarget, options: LoginOptions
) -> None:
    keys = {**DEFAULT_KEYS, "MaxConnections": "4"}
    with open_session(running, replace(options, keys=keys)) as session:
        if int(session.login.results["MaxConnections"]) < 2:
            pytest.skip("this target takes one connection a session")
        second = session.add_connection(2)

        assert session.execute(cdb.test_unit_ready(), link=second).is_good
        assert session.execute(cdb.test_unit_ready()).is_good
