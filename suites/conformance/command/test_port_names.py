# SPDX-License-Identifier: GPL-2.0-only
"""SCSI device and port names in the form of iSCSI (RFC 7143 section 4.4.2)."""

import re

import pytest

from initiator.expect import check
from initiator.session import Session
from iscsi import text
from iscsi.errors import DecodeError
from iscsi.scsi import cdb
from iscsi.scsi.vpd import (
    Association,
    Designator,
    DesignatorType,
    Page,
    VPDPage,
    parse_designators,
)

ROOM = 1024


def scsi_names(session: Session, association: Association) -> list[bytes]:
    """Return the SCSI name string designators of an association in VPD page 83h."""
    command = cdb.inquiry(
        evpd=1, page_code=int(VPDPage.DEVICE_IDENTIFICATION), allocation_length=ROOM
    )
    result = session.execute(command, read=ROOM)
    check(result.is_good, "GOOD for VPD page 83h", result)
    try:
        designators: list[Designator] = parse_designators(Page.parse(result.data).body)
    except DecodeError as error:
        check(False, "VPD page 83h that can be read", error, session.transcript)
    return [
        one.designator
        for one in designators
        if one.association == association
        and one.type == DesignatorType.SCSI_NAME_STRING
    ]


def group_tag(session: Session) -> int:
    """Return the TargetPortalGroupTag of the login."""
    declared_tag = session.login.declared.get("TargetPortalGroupTag")
    if declared_tag is None:
        pytest.skip("not applicable: the login shows no portal group tag")
    return text.parse_number(declared_tag)


@pytest.mark.requirement("RFC7143-4.4.2-01")
def test_the_device_name_is_the_node_name(session: Session) -> None:
    """A SCSI device name in VPD page 83h is the target's iSCSI name."""
    designators = scsi_names(session, Association.TARGET_DEVICE)
    if not designators:
        pytest.skip("not applicable: VPD page 83h holds no SCSI device name")

    node_name = (session.options.target_name or "").encode()
    wrong = [name for name in designators if name.rstrip(b"\0") != node_name]
    check(not wrong, node_name.decode(), wrong)


@pytest.mark.requirement("RFC7143-4.4.2-03", "RFC7143-4.4.2-02")
def test_the_port_name_holds_name_and_group(session: Session) -> None:
    """A SCSI target port name in VPD page 83h is NAME,t,0xTAG, null-terminated."""
    designators = scsi_names(session, Association.TARGET_PORT)
    if not designators:
        pytest.skip("not applicable: VPD page 83h holds no SCSI port name")

    name = re.escape((session.options.target_name or "").encode())
    form = re.compile(name + rb",t,0[xX]([0-9A-Fa-f]{4})\0+")
    matches = [form.fullmatch(one) for one in designators]
    check(all(matches), "NAME,t,0x and four digits, then null", designators)
    tags = {int(match[1], 16) for match in matches if match}
    check(tags == {group_tag(session)}, f"tag {group_tag(session)}", tags)
