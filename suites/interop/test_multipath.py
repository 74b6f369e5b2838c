# SPDX-License-Identifier: GPL-2.0-only
"""One logical unit over two paths, of which one fails and comes back."""

from collections.abc import Iterator

import pytest

from suites.interop.client import Client
from suites.interop.open_iscsi import Path, settings
from suites.interop.relay import Relay
from targets import Target

_REPLACEMENT_SECONDS = 3
"""How long commands wait for a lost session before they take the other path."""


@pytest.fixture
def ways(relays: tuple[Relay, ...]) -> tuple[Relay, Relay]:
    """Relays to two portals."""
    if len(relays) < 2:
        pytest.skip("not applicable: the target has one portal only")
    return relays[0], relays[1]


@pytest.fixture
def unit(client: Client, ways: tuple[Relay, Relay], scratch: Target) -> Iterator[str]:
    """The WWID of a unit that is reached over both, with a file system mounted."""
    unit_found = scratch.find_scratch()
    assert unit_found is not None
    node_settings = settings(replacement_seconds=_REPLACEMENT_SECONDS)
    disks = set()
    for way in ways:
        client.log_in(scratch.name, way.port, node_settings)
        disks.add(client.await_disk(way.port, unit_found.lun).removeprefix("/dev/"))

    def look() -> str | None:
        units = [one.unit for one in client.paths() if one.disk in disks]
        is_complete = len(units) == 2 and units[0] == units[1]
        return units[0] if is_complete and len(active(client, units[0])) == 2 else None

    wwid = client.until("both paths of the unit", look)
    device = f"/dev/mapper/{wwid}"
    # udevd may react later than multipathd.
    client.until(device, lambda: client.succeeds(f"[ -b {device} ]"))
    client.make_file_system(device)
    yield wwid
    client.check_file_system(device)


def active(client: Client, unit: str) -> list[Path]:
    """Return the paths to a unit over which commands are sent."""
    return [one for one in client.paths() if one.unit == unit and one.is_active]


def test_one_path_dies_and_comes_back(
    client: Client, ways: tuple[Relay, Relay], unit: str
) -> None:
    """Writes continue on the other path; the first is used again when it is back."""
    files = client.make_files()
    first, second = ways

    with first.refusing():
        assert first.cut() == 1
        client.write(files)
        client.until("one path less", lambda: len(active(client, unit)) == 1)
        assert client.session_at(first.port) is None
        assert client.session_at(second.port) is not None
        assert client.read_back() == files

    client.until("the path again", lambda: len(active(client, unit)) == 2)
    assert second.cut() == 1
    assert client.read_back() == files


def test_a_path_dies_in_the_midst_of_writes(
    client: Client, ways: tuple[Relay, Relay], unit: str
) -> None:
    """All writes in progress on a path that fails are completed."""
    files = client.make_files()
    dying, _ = ways
    dying.cut_after(1 << 20)

    client.write(files)

    assert not dying.has_pending_order
    assert client.read_back() == files
    client.until("both paths", lambda: len(active(client, unit)) == 2)
