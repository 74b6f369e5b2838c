# SPDX-License-Identifier: GPL-2.0-only
"""How the Linux kernel's initiator recovers lost connections; it must lose no data."""

from collections.abc import Iterator, Mapping

import pytest

from suites.interop.client import MOUNT, SECONDS, SOURCE, Client
from suites.interop.open_iscsi import settings
from suites.interop.relay import Relay
from suites.plugins.targets import TestedTarget
from targets import Target

_MIDST = 3 << 20
"""Bytes to the target after which the files, which have 6 MiB, are being written."""

_DONE = "/tmp/done"  # noqa: S108  # the guest's


@pytest.fixture(params=["plain", "digests-chap"])
def disk(request: pytest.FixtureRequest, client: Client, relay: Relay) -> Iterator[str]:
    """A disk with an empty file system, mounted; it is checked at the end."""
    if request.param == "plain":
        target: Target = request.getfixturevalue("scratch")
        node_settings: Mapping[str, str] = settings()
    else:
        target = request.getfixturevalue("guarded")
        node_settings = settings(header_digest=True, data_digest=True, chap=target.chap)
    client.log_in(target.name, relay.port, node_settings)
    unit = target.find_scratch()
    assert unit is not None
    device = client.await_disk(relay.port, unit.lun)
    client.make_file_system(device)
    yield device
    client.check_file_system(device)


@pytest.mark.usefixtures("disk")
def test_an_idle_session_is_cut(client: Client, relay: Relay) -> None:
    """Files are read correctly when a lost connection is restored."""
    files = client.make_files()
    client.write(files)
    before = relay.connections

    assert relay.cut() == 1

    assert relay.await_connections(before + 1, SECONDS)
    assert client.read_back() == files
    assert client.session_at(relay.port) is not None


@pytest.mark.usefixtures("disk")
def test_writes_are_cut(client: Client, relay: Relay) -> None:
    """All writes that a lost connection interrupted are completed."""
    files = client.make_files()
    before = relay.connections
    relay.cut_after(_MIDST)

    client.write(files)

    assert not relay.has_pending_order
    assert relay.connections > before
    assert client.read_back() == files


@pytest.mark.usefixtures("disk")
def test_the_target_is_out_of_reach_for_a_while(client: Client, relay: Relay) -> None:
    """Commands wait for a session that cannot be restored at once."""
    files = client.make_files()
    before = relay.connections
    with relay.refusing():
        assert relay.cut() == 1
        client.run(
            "while ! grep -q FAILED /sys/class/iscsi_session/session*/state;"
            " do sleep 0.1; done"
        )
        client.run(f"(cp {SOURCE}/* {MOUNT}; sync; echo > {_DONE}) & true")
        client.run(f"[ ! -e {_DONE} ]")
        assert relay.connections == before

    client.run(f"while ! [ -e {_DONE} ]; do sleep 0.1; done; rm {_DONE}")
    assert client.read_back() == files


def test_a_flipped_bit_is_noticed(
    client: Client, relay: Relay, scratch: Target
) -> None:
    """Data in which a bit was flipped on its way to the initiator is read again."""
    client.log_in(
        scratch.name, relay.port, settings(header_digest=True, data_digest=True)
    )
    unit = scratch.find_scratch()
    assert unit is not None
    device = client.await_disk(relay.port, unit.lun)
    client.make_file_system(device)
    files = client.make_files()
    client.write(files)
    relay.flip_bit_after(1 << 20)

    read_back = client.read_back()

    assert not relay.has_pending_order
    assert read_back == files
    client.check_file_system(device)


def test_the_target_loses_its_power(
    client: Client, relay: Relay, target: TestedTarget, scratch: Target
) -> None:
    """Data that was synchronized before the target's power loss is there afterwards."""
    if "power-cycle" not in target.features:
        pytest.skip("not applicable: the target does not offer power-cycle")
    lasting = [
        one
        for one in scratch.logical_units
        if one.persistent and one.scratch and one.writable
    ]
    if not lasting:
        pytest.skip("not applicable: no logical unit keeps its data over a restart")
    client.log_in(scratch.name, relay.port, settings())
    device = client.await_disk(relay.port, lasting[0].lun)
    client.make_file_system(device)
    files = client.make_files()
    client.write(files)
    # The initiator keeps running, so it cannot know what a lost cache contained.
    client.flush(device)
    before = relay.connections

    with relay.refusing():
        target.running.control.restart()

    assert relay.await_connections(before + 1, SECONDS)
    assert client.read_back() == files
    client.check_file_system(device)
