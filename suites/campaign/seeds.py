# SPDX-License-Identifier: GPL-2.0-only
"""The programs that a campaign begins with: exchanges, and bundles of failures."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from initiator import bundle
from initiator.bundle import BundleError
from initiator.expect import ConformanceFailure
from initiator.session import Session
from initiator.transcript import Transcript
from iscsi.errors import ISCSIError
from iscsi.scsi import cdb
from suites.campaign.programs import Program, normalise
from suites.support.place import PDUS
from suites.support.positions import POSITIONS, OutOfReach, TargetFacts

_ANSWER_SECONDS = 0.3
_BLOCKS = 16
_MOST_BUNDLES = 200


def recorded(facts: TargetFacts, sentinel: int | None) -> Iterator[Program]:
    """Yield an exchange for each PDU in each position, and some of commands.

    A position that the target does not allow is left out.
    """
    for reach in POSITIONS.values():
        for _, build in PDUS.values():
            transcript = Transcript()
            with suppress(ISCSIError, ConformanceFailure, OutOfReach):
                place = reach(facts, transcript)
                with suppress(ISCSIError, ConformanceFailure):
                    place.connection.send(build(place))
                    place.settle(_ANSWER_SECONDS)
                if place.session is not None:
                    place.session.close()
                place.connection.close()
            yield _program(transcript, sentinel)
    yield from _commands(facts, sentinel)


def _commands(facts: TargetFacts, sentinel: int | None) -> Iterator[Program]:
    """Yield exchanges of commands that write, read and report."""
    size = _BLOCKS * facts.block_size
    key = bytes(8) + b"\0" * 7 + b"\x01" + bytes(8)
    writes = {
        cdb.write_10(lba=0, blocks=_BLOCKS): bytes(size),
        b"\x5f\x06" + bytes(6) + b"\x18\0": key,
        b"\x5f\x03" + bytes(6) + b"\x18\0": b"\0" * 7 + b"\x01" + bytes(16),
        b"\x42" + bytes(6) + b"\0\x18\0": b"\0\x16\0\x10" + bytes(20),
        b"\x15\x10\0\0\x18\0": bytes(4) + b"\x08\x12" + bytes(18),
        b"\x83" + bytes(12) + b"\x40\0\0": b"\0\0\0\x20" + bytes(60),
    }
    reads = {
        cdb.read_10(lba=0, blocks=_BLOCKS): size,
        cdb.read_capacity_10(): 8,
        cdb.inquiry(allocation_length=255): 255,
        b"\x12\x01\x83\0\xff\0": 255,
        b"\x1a\0\x3f\0\xff\0": 255,
        b"\xa0" + bytes(8) + b"\xff\0\0": 255,
        b"\x5e\0" + bytes(5) + b"\0\xff\0": 255,
        b"\x9e\x10" + bytes(11) + b"\x20\0\0": 32,
        b"\xa3\x0c\0\0\0\0\0\0\x02\0\0\0": 512,
    }
    for command, data in writes.items():
        yield from _exchange(facts, sentinel, command, data, 0)
    for command, length in reads.items():
        yield from _exchange(facts, sentinel, command, None, length)


def _exchange(
    facts: TargetFacts,
    sentinel: int | None,
    command: bytes,
    data: bytes | None,
    length: int,
) -> Iterator[Program]:
    transcript = Transcript()
    with suppress(ISCSIError, ConformanceFailure):
        session = Session(
            facts.portal,
            facts.options,
            transcript=transcript,
            timeout=facts.timeout,
            lun=facts.lun,
        )
        try:
            session.clear_unit_attention()
            session.execute(command, write=data, read=length)
            session.logout()
        finally:
            session.close()
    yield _program(transcript, sentinel)


def _program(transcript: Transcript, sentinel: int | None) -> Program:
    return normalise(bundle.of_transcript(transcript).events, sentinel)


def from_folder(folder: Path, sentinel: int | None) -> Iterator[Program]:
    """Yield the programs in the bundles of a folder; other files are skipped."""
    for path in sorted(folder.glob("*.json"))[:_MOST_BUNDLES]:
        with suppress(BundleError):
            yield normalise(bundle.read(path).events, sentinel)
