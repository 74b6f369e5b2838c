# SPDX-License-Identifier: GPL-2.0-only
"""The faults of the names of a target and what it says of its protocol."""

from __future__ import annotations

from typing import Final

from reftarget.faults.row import Fault
from reftarget.rules.allegiance import AllegianceRules
from reftarget.scsi.rules.identity import IdentityRules, version_descriptors

IDENTITY: Final = (
    Fault(
        name="aca-is-not-offered",
        breaks=("RFC7143-10.2-02",),
        says="Reports NormACA=0 and does not support CLEAR ACA.",
        rules=(IdentityRules(normaca=False), AllegianceRules(is_offered=False)),
    ),
    Fault(
        name="device-name-is-not-the-node-name",
        breaks=("RFC7143-4.4.2-01",),
        says="Returns a SCSI device name that is not the node's.",
        rules=IdentityRules(
            device_name=lambda _target: "iqn.2001-04.com.example:another"
        ),
    ),
    Fault(
        name="port-name-is-malformed",
        breaks=("RFC7143-4.4.2-03", "RFC7143-4.4.2-02"),
        says="Returns a SCSI port name of a wrong form.",
        rules=IdentityRules(port_name=lambda target, tag: f"{target},p,{tag}"),
    ),
    Fault(
        name="version-descriptor-shows-no-level",
        breaks=("RFC7144-4.2-01",),
        says="Returns a version descriptor that does not show the level.",
        rules=IdentityRules(version_descriptors=lambda _level: version_descriptors(0)),
    ),
)
