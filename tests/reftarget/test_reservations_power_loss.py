# SPDX-License-Identifier: GPL-2.0-only
"""Reservations over the wire, and over the death of the target."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from initiator.connection import Portal
from initiator.login import LoginOptions
from initiator.session import Session
from iscsi.scsi import cdb
from iscsi.scsi.layout import Layout
from iscsi.scsi.persistent_reservations import (
    FullStatus,
    OutParameters,
    ReservationType,
)
from iscsi.scsi.status import SCSIStatus
from iscsi.scsi.transport_id import TransportID

TARGET = "iqn.2001-04.com.example:kept"
A, B = (TransportID(f"iqn.2001-04.com.example:{n}", b"\x80" + bytes(5)) for n in "ab")
CONFIG = f"""
state_directory = "state"
[[portal]]
address = "127.0.0.1:0"
[[target]]
name = "{TARGET}"
[[target.lun]]
lun = 0
size = "1M"
"""


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    path = tmp_path / "target.toml"
    path.write_text(CONFIG)
    return path


@contextmanager
def running(configuration: Path) -> Iterator[Portal]:
    """Run the target until the block ends; then it is killed."""
    command = [sys.executable, "-m", "reftarget", "--config", str(configuration)]
    with subprocess.Popen(
        [*command, "--quiet", "--exit-with-stdin"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            word, address = process.stdout.readline().split()
            assert word == "ready"
            host, _, port = address.rpartition(":")
            yield Portal(host, int(port))
        finally:
            process.send_signal(signal.SIGKILL)


@contextmanager
def session(portal: Portal, who: TransportID) -> Iterator[Session]:
    assert who.isid is not None
    options = LoginOptions(initiator_name=who.name, isid=who.isid, target_name=TARGET)
    with Session(portal, options, timeout=5.0) as one:
        one.execute(cdb.test_unit_ready())  # the unit attention of the power on
        yield one


def out(
    one: Session, layout: Layout, parameters: OutParameters, kind: int = 0
) -> SCSIStatus:
    data = parameters.build()
    command = layout(type=kind, parameter_list_length=len(data))
    return SCSIStatus(one.execute(command, write=data).status)


@pytest.mark.parametrize("persists", [False, True])
def test_aptpl_decides_what_a_killed_target_still_knows(
    configuration: Path, persists: bool
) -> None:
    register = OutParameters(0, 7, activate_persist_through_power_loss=persists)
    kind = ReservationType.WRITE_EXCLUSIVE
    with running(configuration) as portal, session(portal, A) as one:
        assert out(one, cdb.persistent_reserve_out_register, register) == 0
        assert out(one, cdb.persistent_reserve_out_reserve, OutParameters(7), kind) == 0

    with running(configuration) as portal:
        with session(portal, B) as other:
            write_result = other.execute(cdb.write_10(blocks=1), write=bytes(512))
            full = other.execute(
                cdb.persistent_reserve_in_read_full_status(allocation_length=512),
                read=512,
            )
        with session(portal, A) as one:
            second = one.execute(cdb.write_10(blocks=1), write=bytes(512))

    status = FullStatus.parse(full.data)
    assert second.is_good
    assert status.generation == 0
    if persists:
        assert write_result.status == SCSIStatus.RESERVATION_CONFLICT
        (registration,) = status.registrations
        assert (registration.reservation_key, registration.type) == (7, kind)
        assert registration.transport_id == A
    else:
        assert write_result.is_good
        assert not status.registrations


def test_damaged_state_is_one_line_and_no_start(configuration: Path) -> None:
    register = OutParameters(0, 7, activate_persist_through_power_loss=True)
    with running(configuration) as portal, session(portal, A) as one:
        out(one, cdb.persistent_reserve_out_register, register)
    (stored,) = (configuration.parent / "state").iterdir()
    stored.write_bytes(stored.read_bytes()[:-9])

    ended = subprocess.run(
        [sys.executable, "-m", "reftarget", "--config", str(configuration)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )

    assert ended.returncode == 2
    assert str(stored) in ended.stderr
    assert ended.stderr.count("\n") == 1
