# SPDX-License-Identifier: GPL-2.0-only
"""The habits of numbers and tags, and of limits at their ends."""

from __future__ import annotations

from typing import Final

from reftarget.habits.row import Habit
from reftarget.rules import SessionRules

NUMBERS: Final = (
    Habit(
        name="highest-tsih",
        clause="RFC 7143 11.12.6",
        says="Begins TSIHs at 65534, so that they wrap soon.",
        rules=SessionRules(first_tsih=0xFFFE),
    ),
    Habit(
        name="high-tsih",
        clause="RFC 7143 11.12.6",
        says="Begins TSIHs at 32768, which a signed number takes for negative.",
        rules=SessionRules(first_tsih=0x8000),
    ),
    Habit(
        name="stat-sn-wraps",
        clause="RFC 7143 4.2.2.2",
        says="Begins StatSN four below its wrap.",
        rules=SessionRules(first_stat_sn=0xFFFFFFFC),
    ),
    Habit(
        name="stat-sn-begins-at-0",
        clause="RFC 7143 4.2.2.2",
        says="Begins StatSN at 0.",
        rules=SessionRules(first_stat_sn=0),
    ),
    Habit(
        name="stat-sn-begins-in-the-middle",
        clause="RFC 7143 4.2.2.2",
        says="Begins StatSN at 7FFFFFFEh, where a signed number turns negative.",
        rules=SessionRules(first_stat_sn=0x7FFFFFFE),
    ),
    Habit(
        name="transfer-tags-are-high",
        clause="RFC 7143 11.8.5",
        says="Begins Target Transfer Tags two below the reserved value.",
        rules=SessionRules(first_transfer_tag=0xFFFFFFFD),
    ),
    Habit(
        name="transfer-tags-begin-in-the-middle",
        clause="RFC 7143 11.8.5",
        says="Begins Target Transfer Tags at 80000000h.",
        rules=SessionRules(first_transfer_tag=0x80000000),
    ),
    Habit(
        name="one-command-at-a-time",
        clause="RFC 7143 4.2.2.1",
        says="Has a command window of one.",
        limits={"queue_depth": 1},
        is_poor=True,
    ),
    Habit(
        name="two-commands-at-a-time",
        clause="RFC 7143 4.2.2.1",
        says="Has a command window of two.",
        limits={"queue_depth": 2},
        is_poor=True,
    ),
    Habit(
        name="small-window",
        clause="RFC 7143 4.2.2.1",
        says="Has a command window of sixteen.",
        limits={"queue_depth": 16},
    ),
    Habit(
        name="wide-window",
        clause="RFC 7143 4.2.2.1",
        says="Has a command window of 4096.",
        limits={"queue_depth": 4096},
    ),
    Habit(
        name="pings-often",
        clause="RFC 7143 11.19",
        says="Pings a connection that was idle for a twentieth of a second.",
        limits={"ping_interval": 0.05},
    ),
    Habit(
        name="transfer-tags-begin-at-0",
        clause="RFC 7143 11.8.5",
        says="Begins Target Transfer Tags at 0.",
        rules=SessionRules(first_transfer_tag=0),
    ),
    Habit(
        name="few-exchanges",
        clause="RFC 7143 6.2",
        says="Refuses a login that takes more than 16 exchanges.",
        limits={"login_exchanges": 16},
        is_poor=True,
    ),
    Habit(
        name="starts-slowly",
        is_slow=True,
        clause="RFC 7143 7.5",
        says="Begins to listen ten seconds after its start.",
        limits={"start_time": 10.0},
    ),
    Habit(
        name="answers-late",
        is_slow=True,
        clause="RFC 7143 4.2.2.1",
        says="Sends its answers two milliseconds late, several of them at once.",
        limits={"answer_time": 0.002},
    ),
    Habit(
        name="sends-in-pieces",
        is_slow=True,
        clause="RFC 7143 4.2.1",
        says="Gives TCP 61 bytes at a time, so that a PDU comes in several segments.",
        limits={"piece_bytes": 61},
    ),
    Habit(
        name="one-session",
        clause="RFC 7143 11.13.5",
        says="Has resources for one session: further logins are refused with 0302.",
        limits={"sessions": 1},
        is_poor=True,
    ),
    Habit(
        name="closes-slowly",
        is_slow=True,
        clause="RFC 7143 11.14",
        says="Closes TCP a twentieth of a second after the last PDU of a connection.",
        limits={"closing_time": 0.05},
    ),
    Habit(
        name="waits-long-for-a-login",
        clause="RFC 7143 6.3",
        says="Allows a login one minute.",
        limits={"login_time": 60.0},
        is_poor=True,
    ),
)
"""Numbers that a target may begin at, and limits that are its own."""
