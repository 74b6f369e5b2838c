# SPDX-License-Identifier: GPL-2.0-only
"""The habits of what a target chooses for text keys: the ends of each key's range."""

from __future__ import annotations

from typing import Final

from reftarget.config import ARCHITECTURE
from reftarget.habits.row import Habit
from reftarget.rules import LoginRules

PARAMETERS: Final = (
    Habit(
        name="no-header-digest",
        clause="RFC 7143 13.1",
        says="Chooses None for header digests.",
        keys={"HeaderDigest": "None"},
        is_poor=True,
    ),
    Habit(
        name="no-data-digest",
        clause="RFC 7143 13.1",
        says="Chooses None for data digests.",
        keys={"DataDigest": "None"},
        is_poor=True,
    ),
    Habit(
        name="one-connection",
        clause="RFC 7143 13.2",
        says="Allows one connection in a session.",
        keys={"MaxConnections": "1"},
        is_poor=True,
    ),
    Habit(
        name="two-connections",
        clause="RFC 7143 13.2",
        says="Allows two connections in a session.",
        keys={"MaxConnections": "2"},
    ),
    Habit(
        name="most-connections",
        clause="RFC 7143 13.2",
        says="Allows 65535 connections in a session.",
        keys={"MaxConnections": "65535"},
    ),
    Habit(
        name="r2t-is-due",
        clause="RFC 7143 13.10",
        says="Requires an R2T before data.",
        keys={"InitialR2T": "Yes"},
        is_poor=True,
    ),
    Habit(
        name="no-immediate-data",
        clause="RFC 7143 13.11",
        says="Takes no immediate data.",
        keys={"ImmediateData": "No"},
        is_poor=True,
    ),
    Habit(
        name="shortest-segments",
        is_slow=True,
        clause="RFC 7143 13.12",
        says="Declares a MaxRecvDataSegmentLength of 512.",
        keys={"MaxRecvDataSegmentLength": "512"},
    ),
    Habit(
        name="longest-segments",
        clause="RFC 7143 13.12",
        says="Declares a MaxRecvDataSegmentLength of 16777215.",
        keys={"MaxRecvDataSegmentLength": "16777215"},
    ),
    Habit(
        name="odd-segments",
        clause="RFC 7143 13.12",
        says="Declares a MaxRecvDataSegmentLength of 5000, not whole blocks.",
        keys={"MaxRecvDataSegmentLength": "5000"},
    ),
    Habit(
        name="default-segments",
        clause="RFC 7143 13.12",
        says="Declares a MaxRecvDataSegmentLength of 8192, which is the default.",
        keys={"MaxRecvDataSegmentLength": "8192"},
    ),
    Habit(
        name="segments-are-not-declared",
        clause="RFC 7143 13.12",
        says="Declares no MaxRecvDataSegmentLength, so 8192 applies.",
        keys={"MaxRecvDataSegmentLength": "8192"},
        rules=LoginRules(declares_length=False),
    ),
    Habit(
        name="default-bursts",
        clause="RFC 7143 13.13",
        says="Takes bursts of 262144 bytes, 65536 of them unsolicited.",
        keys={"MaxBurstLength": "262144", "FirstBurstLength": "65536"},
    ),
    Habit(
        name="odd-bursts",
        is_slow=True,
        clause="RFC 7143 13.13",
        says="Takes bursts of 10001 bytes, 1001 of them unsolicited.",
        keys={"MaxBurstLength": "10001", "FirstBurstLength": "1001"},
    ),
    Habit(
        name="retained-for-a-second",
        clause="RFC 7143 13.16",
        says="Chooses 1 for DefaultTime2Retain.",
        keys={"DefaultTime2Retain": "1"},
    ),
    Habit(
        name="two-r2ts",
        clause="RFC 7143 13.17",
        says="Has two R2Ts outstanding at a time.",
        keys={"MaxOutstandingR2T": "2"},
    ),
    Habit(
        name="shortest-bursts",
        is_slow=True,
        clause="RFC 7143 13.13",
        says="Takes and sends bursts of 512 bytes.",
        keys={"MaxBurstLength": "512", "FirstBurstLength": "512"},
    ),
    Habit(
        name="longest-bursts",
        clause="RFC 7143 13.13",
        says="Takes bursts of 16777215 bytes, the first one included.",
        keys={"MaxBurstLength": "16777215", "FirstBurstLength": "16777215"},
    ),
    Habit(
        name="shortest-first-burst",
        clause="RFC 7143 13.14",
        says="Takes 512 bytes unsolicited.",
        keys={"FirstBurstLength": "512"},
    ),
    Habit(
        name="no-wait",
        clause="RFC 7143 13.15",
        says="Chooses 0 for DefaultTime2Wait.",
        keys={"DefaultTime2Wait": "0"},
    ),
    Habit(
        name="long-wait",
        clause="RFC 7143 13.15",
        says="Chooses 3 for DefaultTime2Wait.",
        keys={"DefaultTime2Wait": "3"},
    ),
    Habit(
        name="nothing-is-retained",
        clause="RFC 7143 13.16",
        says="Chooses 0 for DefaultTime2Retain.",
        keys={"DefaultTime2Retain": "0"},
        is_poor=True,
    ),
    Habit(
        name="retained-for-an-hour",
        clause="RFC 7143 13.16",
        says="Chooses 3600 for DefaultTime2Retain.",
        keys={"DefaultTime2Retain": "3600"},
    ),
    Habit(
        name="one-r2t",
        clause="RFC 7143 13.17",
        says="Has one R2T outstanding at a time.",
        keys={"MaxOutstandingR2T": "1"},
        is_poor=True,
    ),
    Habit(
        name="most-r2ts",
        clause="RFC 7143 13.17",
        says="May have 65535 R2Ts outstanding.",
        keys={"MaxOutstandingR2T": "65535"},
    ),
    Habit(
        name="pdus-in-order",
        clause="RFC 7143 13.18",
        says="Requires DataPDUInOrder=Yes.",
        keys={"DataPDUInOrder": "Yes"},
        is_poor=True,
    ),
    Habit(
        name="sequences-in-order",
        clause="RFC 7143 13.19",
        says="Requires DataSequenceInOrder=Yes.",
        keys={"DataSequenceInOrder": "Yes"},
        is_poor=True,
    ),
    Habit(
        name="no-recovery",
        clause="RFC 7143 13.20",
        says="Offers only ErrorRecoveryLevel 0.",
        keys={"ErrorRecoveryLevel": "0"},
        is_poor=True,
    ),
    Habit(
        name="recovery-of-digests",
        clause="RFC 7143 13.20",
        says="Offers ErrorRecoveryLevel 1 at most.",
        keys={"ErrorRecoveryLevel": "1"},
        is_poor=True,
    ),
    Habit(
        name="old-task-reporting",
        clause="RFC 7143 13.23",
        says="Chooses TaskReporting=RFC3720.",
        keys={"TaskReporting": "RFC3720"},
        is_poor=True,
    ),
    Habit(
        name="no-fast-abort",
        clause="RFC 7143 13.23",
        says="Offers ResponseFence, not FastAbort.",
        keys={"TaskReporting": "ResponseFence,RFC3720"},
        is_poor=True,
    ),
    Habit(
        name="protocol-level-0",
        clause="RFC 7143 13.24",
        says="Conforms only to RFC 3720: iSCSIProtocolLevel 0.",
        keys={"iSCSIProtocolLevel": "0"},
        is_poor=True,
    ),
    Habit(
        name="protocol-level-1",
        clause="RFC 7143 13.24",
        says="Has no functions of RFC 7144: iSCSIProtocolLevel 1.",
        keys={"iSCSIProtocolLevel": "1"},
        is_poor=True,
    ),
    Habit(
        name="no-architecture",
        clause="RFC 7143 13.26.1",
        says="Sends no X#NodeArchitecture.",
        unsent=frozenset({ARCHITECTURE}),
        lacks=frozenset({"architecture"}),
        is_poor=True,
    ),
)
"""The smallest and the largest value of each key, or what takes a feature away."""
