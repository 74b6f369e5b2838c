# SPDX-License-Identifier: GPL-2.0-only
"""Our fields and tshark's, PDU by PDU: the table that both kinds of comparison use.

What tshark does not show is excused with the reason; a field that is neither mapped nor
excused fails `test_every_field_is_mapped_or_excused`.
"""

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from iscsi.constants import ISCSI_PORT, Opcode
from iscsi.pcap import Capture

_SECONDS = 60

_COMMON = {
    "opcode": "iscsi.opcode",
    "total_ahs_length": "iscsi.totalahslength",
    "data_segment_length": "iscsi.datasegmentlength",
    "initiator_task_tag": "iscsi.initiatortasktag",
}
_REQUEST = {
    **_COMMON,
    "immediate": "iscsi.I",
    "cmd_sn": "iscsi.cmdsn",
    "exp_stat_sn": "iscsi.expstatsn",
}
_ANSWER = {
    **_COMMON,
    "stat_sn": "iscsi.statsn",
    "exp_cmd_sn": "iscsi.expcmdsn",
    "max_cmd_sn": "iscsi.maxcmdsn",
}
_LOGIN = {
    "transit": "iscsi.login.T",
    "continuation": "iscsi.login.C",
    "csg": "iscsi.login.csg",
    "nsg": "iscsi.login.nsg",
    "version_max": "iscsi.versionmax",
    "tsih": "iscsi.tsih",
}
_TEXT = {
    "final": "iscsi.text.F",
    "continuation": "iscsi.text.C",
    "target_transfer_tag": "iscsi.targettransfertag",
}

TABLE: dict[Opcode, dict[str, str]] = {
    Opcode.NOP_OUT: {**_REQUEST, "target_transfer_tag": "iscsi.targettransfertag"},
    Opcode.NOP_IN: {**_ANSWER, "target_transfer_tag": "iscsi.targettransfertag"},
    Opcode.SCSI_COMMAND: {
        **_REQUEST,
        "final": "iscsi.scsicommand.F",
        "read": "iscsi.scsicommand.R",
        "write": "iscsi.scsicommand.W",
        "attribute": "iscsi.scsicommand.attr",
        "expected_data_transfer_length": "iscsi.scsicommand.expecteddatatransferlength",
    },
    Opcode.SCSI_RESPONSE: {
        **_ANSWER,
        "bidirectional_overflow": "iscsi.scsiresponse.o",
        "bidirectional_underflow": "iscsi.scsiresponse.u",
        "overflow": "iscsi.scsiresponse.O",
        "underflow": "iscsi.scsiresponse.U",
        "response": "iscsi.scsiresponse.response",
        "status": "iscsi.scsiresponse.status",
        "exp_data_sn": "iscsi.expdatasn",
        "bidirectional_read_residual_count": "iscsi.scsiresponse.bidireadresidualcount",
        "residual_count": "iscsi.scsiresponse.residualcount",
    },
    Opcode.TASK_MANAGEMENT_REQUEST: {
        **_REQUEST,
        "function": "iscsi.taskmanfun.function",
        "referenced_task_tag": "iscsi.taskmanfun.referencedtasktag",
        "ref_cmd_sn": "iscsi.refcmdsn",
        "exp_data_sn": "iscsi.expdatasn",
    },
    Opcode.TASK_MANAGEMENT_RESPONSE: {
        **_ANSWER,
        "response": "iscsi.taskmanfun.response",
    },
    Opcode.LOGIN_REQUEST: {
        **_REQUEST,
        **_LOGIN,
        "version_min": "iscsi.versionmin",
        "cid": "iscsi.cid",
    },
    Opcode.LOGIN_RESPONSE: {
        **_ANSWER,
        **_LOGIN,
        "version_active": "iscsi.versionactive",
        "status": "iscsi.login.status",
    },
    Opcode.TEXT_REQUEST: {**_REQUEST, **_TEXT},
    Opcode.TEXT_RESPONSE: {**_ANSWER, **_TEXT},
    Opcode.DATA_OUT: {
        **_COMMON,
        "final": "iscsi.scsidata.F",
        "target_transfer_tag": "iscsi.targettransfertag",
        "exp_stat_sn": "iscsi.expstatsn",
        "data_sn": "iscsi.datasn",
        "buffer_offset": "iscsi.bufferOffset",
    },
    Opcode.DATA_IN: {
        **_COMMON,
        "final": "iscsi.scsidata.F",
        "acknowledge": "iscsi.scsidata.A",
        "overflow": "iscsi.scsidata.O",
        "underflow": "iscsi.scsidata.U",
        "status_present": "iscsi.scsidata.S",
        "target_transfer_tag": "iscsi.targettransfertag",
        "exp_cmd_sn": "iscsi.expcmdsn",
        "max_cmd_sn": "iscsi.maxcmdsn",
        "data_sn": "iscsi.datasn",
        "buffer_offset": "iscsi.bufferOffset",
        "residual_count": "iscsi.scsidata.readresidualcount",
    },
    Opcode.R2T: {
        **_ANSWER,
        "target_transfer_tag": "iscsi.targettransfertag",
        "r2t_sn": "iscsi.r2tsn",
        "buffer_offset": "iscsi.bufferOffset",
        "desired_data_transfer_length": "iscsi.desireddatalength",
    },
    Opcode.ASYNC_MESSAGE: {
        **_ANSWER,
        "async_event": "iscsi.asyncevent",
        "async_vcode": "iscsi.eventvendorcode",
        "parameter1": "iscsi.parameter1",
        "parameter2": "iscsi.parameter2",
        "parameter3": "iscsi.parameter3",
    },
    Opcode.LOGOUT_REQUEST: {
        **_REQUEST,
        "reason": "iscsi.logout.reason",
        "cid": "iscsi.cid",
    },
    Opcode.LOGOUT_RESPONSE: {
        **_ANSWER,
        "response": "iscsi.logout.response",
        "time2wait": "iscsi.time2wait",
        "time2retain": "iscsi.time2retain",
    },
    Opcode.SNACK: {
        **_COMMON,
        "type": "iscsi.snack.type",
        "target_transfer_tag": "iscsi.targettransfertag",
        "exp_stat_sn": "iscsi.expstatsn",
        "beg_run": "iscsi.snack.begrun",
        "run_length": "iscsi.snack.runlength",
    },
    Opcode.REJECT: {
        **_ANSWER,
        "reason": "iscsi.reject.reason",
        "data_sn": "iscsi.datasn",
    },
}
"""For each PDU: our field, tshark's field."""

for _opcode in (Opcode.ASYNC_MESSAGE, Opcode.REJECT):
    TABLE[_opcode] = {k: v for k, v in TABLE[_opcode].items() if "task_tag" not in k}

EXCUSED = {
    "lun": "tshark decodes it into a number by its addressing method",
    "cdb": "tshark hands it to its SCSI dissector",
    "data": "its length is compared, its bytes are what was captured",
    "ahs": "a list of segments: TotalAHSLength is compared",
    "padding": "implied by DataSegmentLength",
    "isid": "tshark shows its parts by its T field",
    "priority": "RFC 7144: tshark's dissector is of RFC 3720",
    "status_qualifier": "RFC 7144: tshark's dissector is of RFC 3720",
    "additional_response_information": "RFC 7144: likewise",
    "snack_tag": "tshark does not show it",
    "status_class": "compared as one number with status_detail",
    "status_detail": "compared as one number with status_class",
    "final": "a fixed 1 where tshark has no field for it",
    "stat_sn": "tshark shows it in Data-In only where S=1",
    "status": "tshark shows it in Data-In only where S=1",
}
"""Fields that are not compared, and why; `reserved...` are not either."""

UNSHOWN = {
    Opcode.TASK_MANAGEMENT_RESPONSE: {"total_ahs_length", "data_segment_length"},
    Opcode.TASK_MANAGEMENT_REQUEST: {"exp_data_sn"},
    Opcode.DATA_IN: {"target_transfer_tag"},
    Opcode.LOGIN_REQUEST: {"immediate", "nsg"},
    Opcode.LOGIN_RESPONSE: {"nsg"},
    Opcode.SNACK: {"total_ahs_length", "data_segment_length"},
}
"""Mapped fields that tshark leaves out where they say nothing.

Lengths that must be 0, NSG where T=0, the TTT of a Data-In without A, ExpDataSN of a
function other than TASK REASSIGN.
"""

NAMES = sorted({name for row in TABLE.values() for name in row.values()})


def dissect(pdus: Sequence[tuple[bytes, bool]]) -> list[dict[str, int]]:
    """Return what tshark says of each PDU (bytes without digests, from the initiator?).

    Raises:
        AssertionError: tshark shows another number of PDUs.
    """
    capture = Capture()
    capture.open(1, 1.0, ("127.0.0.1", 40000), ("127.0.0.1", ISCSI_PORT))
    for number, (wire, from_initiator) in enumerate(pdus):
        capture.data(1, 2.0 + number, wire, from_near=from_initiator)
    with tempfile.NamedTemporaryFile(suffix=".pcapng") as file:
        file.write(capture.take())
        file.flush()
        return _run(Path(file.name), len(pdus))


def _run(path: Path, count: int) -> list[dict[str, int]]:
    command = ["tshark", "-r", str(path), "-Y", "iscsi", "-T", "fields"]
    command += ["-E", "separator=|", "-E", "occurrence=f"]
    command += [word for name in NAMES for word in ("-e", name)]
    process = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=_SECONDS
    )
    lines = process.stdout.splitlines()
    assert len(lines) == count, (len(lines), count)
    return [
        {
            name: _number(value)
            for name, value in zip(NAMES, line.split("|"), strict=True)
            if value
        }
        for line in lines
    ]


def _number(value: str) -> int:
    if value in ("True", "False"):
        return int(value == "True")
    return int(value, 0)
