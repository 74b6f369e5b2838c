# SPDX-License-Identifier: GPL-2.0-only
"""How the Linux kernel's initiator finds a target and logs in to it."""

from dataclasses import replace

import pytest

from suites.interop.client import Client, LoginFailed
from suites.interop.open_iscsi import settings
from suites.interop.relay import Relay
from suites.plugins.targets import TestedTarget
from targets import Target


def test_discovery_names_every_target(
    client: Client, relay: Relay, target: TestedTarget
) -> None:
    """SendTargets names every target name."""
    records = client.discover(relay.port)

    assert {one.name for one in records} >= {one.name for one in target.running.targets}
    assert all(0 <= one.group_tag <= 0xFFFF for one in records)


@pytest.mark.parametrize("data_digest", [False, True], ids=["", "data"])
@pytest.mark.parametrize("header_digest", [False, True], ids=["", "header"])
def test_digests(
    client: Client,
    relay: Relay,
    scratch: Target,
    header_digest: bool,
    data_digest: bool,
) -> None:
    """A disk is found, written and read with each combination of digests."""
    session = client.log_in(
        scratch.name,
        relay.port,
        settings(header_digest=header_digest, data_digest=data_digest),
    )
    unit = scratch.find_scratch()
    assert unit is not None
    disk = client.await_disk(relay.port, unit.lun)

    digests = ["CRC32C" if one else "None" for one in (header_digest, data_digest)]
    names = ("HeaderDigest", "DataDigest")
    assert [session.parameters[name] for name in names] == digests
    if unit.size is not None:
        size = int(client.run(f"cat /sys/block/{disk[5:]}/size")) * 512
        assert size == unit.size
    client.make_file_system(disk)
    files = client.make_files(1)
    client.write(files)
    assert client.read_back() == files
    client.check_file_system(disk)


def test_every_unit_becomes_a_disk(
    client: Client, relay: Relay, scratch: Target
) -> None:
    """Each logical unit becomes a disk, write-protected or not as configured."""
    client.log_in(scratch.name, relay.port, settings())

    for unit in scratch.logical_units:
        disk = client.await_disk(relay.port, unit.lun)
        read_only = client.run(f"cat /sys/block/{disk[5:]}/ro").strip()
        assert read_only == ("0" if unit.writable else "1")


@pytest.mark.parametrize("is_mutual", [False, True], ids=["one-way", "mutual"])
def test_chap(client: Client, relay: Relay, guarded: Target, is_mutual: bool) -> None:
    """The right secrets admit the initiator, and prove the target if it is asked to."""
    assert guarded.chap is not None
    chap = guarded.chap
    if not is_mutual:
        chap = replace(chap, mutual=None)
    elif chap.mutual is None:
        pytest.skip("not applicable: the target does not authenticate itself")

    session = client.log_in(guarded.name, relay.port, settings(chap=chap))

    assert session.is_logged_in


@pytest.mark.parametrize(
    ("which", "code"),
    [("credentials", LoginFailed.REFUSED), ("mutual", LoginFailed.ENDED)],
)
def test_wrong_secrets(
    client: Client, relay: Relay, guarded: Target, which: str, code: int
) -> None:
    """A wrong secret of the initiator or of the target fails the login."""
    assert guarded.chap is not None
    right = getattr(guarded.chap, which)
    if right is None:
        pytest.skip("not applicable: the target does not authenticate itself")
    wrong = replace(guarded.chap, **{which: replace(right, secret=b"not-the-secret-1")})

    with pytest.raises(LoginFailed) as refusal:
        client.log_in(guarded.name, relay.port, settings(chap=wrong))

    assert refusal.value.code == code
    assert client.sessions() == []


def test_logout_ends_the_session(client: Client, relay: Relay, scratch: Target) -> None:
    """After a logout the client has no disk and no session; the next login succeeds."""
    client.log_in(scratch.name, relay.port, settings())
    disk = client.await_disk(relay.port, scratch.logical_units[0].lun)

    client.run("iscsiadm -m node --logoutall=all")

    assert client.sessions() == []
    client.run(f"[ ! -e /sys/block/{disk[5:]} ]")
    client.run("iscsiadm -m node -o delete")
    client.log_in(scratch.name, relay.port, settings())
