# SPDX-License-Identifier: GPL-2.0-only
from iscsi.constants import RESERVED_TAG
from iscsi.pdu import R2T, DataIn, LoginResponse, NOPIn, SCSIResponse, TextResponse
from iscsi.situations import KINDS, situated


def test_a_response_is_identified_by_earlier_pdus_of_its_task() -> None:
    situations = situated(
        [
            SCSIResponse(initiator_task_tag=1),
            DataIn(initiator_task_tag=2),
            R2T(initiator_task_tag=3),
            SCSIResponse(initiator_task_tag=3),
            SCSIResponse(initiator_task_tag=2),
            SCSIResponse(initiator_task_tag=4, status=2),
        ]
    )

    assert [name for name, _ in situations] == [
        "SCSIResponse@without-data",
        "DataIn@end-of-sequence",
        "R2T@first",
        "SCSIResponse@after-r2t",
        "SCSIResponse@after-data-in",
        "SCSIResponse@check-condition",
    ]


def test_a_tag_is_free_once_its_task_has_ended() -> None:
    situations = situated(
        [
            DataIn(initiator_task_tag=5, final=0),
            DataIn(initiator_task_tag=5, status_present=1),
            SCSIResponse(initiator_task_tag=5),
            R2T(initiator_task_tag=6, r2t_sn=1),
            SCSIResponse(initiator_task_tag=6),
            SCSIResponse(initiator_task_tag=6),
        ]
    )

    assert [name for name, _ in situations] == [
        "DataIn@within-sequence",
        "DataIn@with-status",
        "SCSIResponse@without-data",
        "R2T@later",
        "SCSIResponse@after-r2t",
        "SCSIResponse@without-data",
    ]


def test_other_kinds_are_identified_by_their_fields() -> None:
    situations = situated(
        [
            LoginResponse(transit=1, csg=0, nsg=1),
            LoginResponse(transit=1, csg=1, nsg=3),
            LoginResponse(status_class=2),
            TextResponse(final=0),
            NOPIn(initiator_task_tag=7),
            NOPIn(target_transfer_tag=8),
            NOPIn(initiator_task_tag=RESERVED_TAG, target_transfer_tag=RESERVED_TAG),
        ]
    )

    assert [name for name, _ in situations] == [
        "LoginResponse@within-login",
        "LoginResponse@last",
        "LoginResponse@refused",
        "TextResponse@continued",
        "NOPIn@answer",
        "NOPIn@ping",
        "NOPIn@one-way",
    ]


def test_each_kind_has_the_fields_of_a_complete_header() -> None:
    for kind in KINDS.values():
        assert kind.fields[0] == "reserved1"
        assert kind.fields[-1] not in {"ahs", "data", "padding"}
