# SPDX-License-Identifier: GPL-2.0-only
"""Reservations that persist through a power loss: one small file a logical unit.

The file is JSON, written whole to a temporary file, flushed to the disk and renamed
into place before the command that changed it completes, so that a killed process finds
either the state before the command or the state after it.
"""

import json
import os
import zlib
from pathlib import Path
from typing import Any

from iscsi.scsi.persistent_reservations import ReservationType
from reftarget.scsi.reservation_state import Reservation, State
from reftarget.scsi.task import Nexus

_VERSION = 1


class StoreError(ValueError):
    """A file of reservations that cannot be trusted; the message names it."""


class ReservationStore:
    """The file of one logical unit."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> State:
        """Return the state kept, or an empty one if nothing is.

        Raises:
            StoreError: the file is not what save() wrote.
            OSError: it cannot be read.
        """
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return State()
        try:
            return _decode(data)
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            raise StoreError(
                f"{self.path}: persistent reservations are damaged"
                f" ({type(error).__name__}: {error});"
                " restore the file, or remove it to start without them"
            ) from None

    def save(self, state: State) -> None:
        """Keep the state, or forget the last one if it is not to persist.

        Raises:
            OSError: it is not on the disk; what was kept before still is.
        """
        if state.persists_through_power_loss:
            self._replace(_encode(state))
        elif self.path.exists():
            self.path.unlink()
            self._sync_directory()

    def _replace(self, data: bytes) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_name(f"{self.path.name}.new")
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.path)
        self._sync_directory()

    def _sync_directory(self) -> None:
        descriptor = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _encode(state: State) -> bytes:
    nexuses = list(state.registrations)
    reservation = state.reservation
    content: dict[str, Any] = {
        "registrations": [
            {
                "key": f"{key:#018x}",
                "initiator_name": nexus.initiator_name,
                "isid": nexus.isid.hex(),
                "target_name": nexus.target_name,
                "target_portal_group_tag": nexus.target_portal_group_tag,
            }
            for nexus, key in state.registrations.items()
        ],
        "reservation": reservation
        and {
            "type": reservation.type.name,
            "holder": reservation.holder and nexuses.index(reservation.holder),
        },
    }
    return json.dumps(
        {"version": _VERSION, "crc32": _checksum(content), **content}, indent=1
    ).encode()


def _checksum(content: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps(content, sort_keys=True).encode())


def _decode(data: bytes) -> State:
    content = json.loads(data)
    version, checksum = content.pop("version"), content.pop("crc32")
    if version != _VERSION:
        raise ValueError(f"version {version} is not {_VERSION}")
    if checksum != _checksum(content):
        raise ValueError("checksum does not match")
    registrations = {
        Nexus(
            each["initiator_name"],
            bytes.fromhex(each["isid"]),
            each["target_name"],
            each["target_portal_group_tag"],
        ): int(each["key"], 16)
        for each in content["registrations"]
    }
    reservation = None
    if (stored := content["reservation"]) is not None:
        holder = stored["holder"]
        reservation = Reservation(
            ReservationType[stored["type"]],
            None if holder is None else list(registrations)[holder],
        )
    return State(registrations, reservation, persists_through_power_loss=True)
