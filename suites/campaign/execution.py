# SPDX-License-Identifier: GPL-2.0-only
"""Sends a program, as a replay does, but skips the wait for optional answers."""

from contextlib import suppress

from initiator.bundle import Bundle
from initiator.expect import ConformanceFailure
from initiator.replay import Player
from initiator.transcript import Transcript
from iscsi.address import TargetURL
from iscsi.errors import ISCSIError
from suites.campaign.programs import Program

ANSWER_SECONDS = 0.15
"""How long to wait for an answer that came when the exchange was recorded."""


def execute(
    program: Program, target: TargetURL, original: Bundle, login_seconds: float
) -> Transcript:
    """Send a program; return the transcript.

    Args:
        program: the events.
        target: the target, without credentials, so that no login may succeed.
        original: names the target and the unit of the recording.
        login_seconds: how long a Login Response may take.

    If the target refuses or closes a connection, the rest of its events is not sent.
    """
    player = Player(
        original, target, ANSWER_SECONDS, gives_up=False, login_seconds=login_seconds
    )
    try:
        for number, event in enumerate(program):
            with suppress(ISCSIError, ConformanceFailure):
                player.play(number, event)
        player.drain()
    finally:
        player.close()
    return player.transcript
