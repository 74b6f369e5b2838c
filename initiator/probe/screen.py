# SPDX-License-Identifier: GPL-2.0-only
"""An offer as one screen of text; text of the peer is made printable."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields

from initiator.probe.login import MOST_NAMES, Authentication
from initiator.probe.offer import Offer, ranges
from initiator.probe.unit import SHORT, Unit, ask_unit
from initiator.session import Session
from iscsi.printable import printable
from iscsi.scsi.capacity import Capacity16
from iscsi.scsi.inquiry import DeviceType, StandardInquiry
from iscsi.scsi.persistent_reservations import Capabilities
from iscsi.scsi.vpd import BlockLimits, LogicalBlockProvisioning, ProvisioningType

_WIDTH = 96
_LABEL = 14
_LONGEST = 3000
"""The maximum length of a row, in characters."""

_TASK_SETS = {
    0: "one for all I_T nexuses (TST 0)",
    1: "one for each I_T nexus (TST 1)",
}
_CAPABILITIES = {
    "persist_through_power_loss_capable": "APTPL",
    "specify_initiator_ports_capable": "SPEC_I_PT",
    "all_target_ports_capable": "ALL_TG_PT",
    "compatible_reservation_handling": "CRH",
    "replace_lost_reservation_capable": "RLR_C",
}


def screen(offer: Offer) -> Iterator[str]:
    """Yield the lines: a label and its text, wrapped."""
    yield printable(f"{offer.name} at {offer.portal}")
    for label, text in _rows(offer):
        yield from row(label, text)


def row(label: str, text: str) -> list[str]:
    """Return the lines of a label and its text; text beyond a limit is cut."""
    escaped = printable(text[:_LONGEST]) + (" ..." if len(text) > _LONGEST else "")
    return textwrap.wrap(
        escaped.strip() or "none",
        _WIDTH,
        initial_indent=f"  {label:{_LABEL}}",
        subsequent_indent=" " * (_LABEL + 2),
        break_on_hyphens=False,
    )


def in_short(results: Mapping[str, str]) -> str:
    """Return the result of a login that offered every feature, in one line."""
    digests = "/".join(results.get(f"{part}Digest", "None") for part in _DIGESTS)
    return (
        f"digests {digests} (header/data), error recovery level "
        f"{results.get('ErrorRecoveryLevel', '0')}, connections "
        f"{results.get('MaxConnections', '1')}, R2Ts "
        f"{results.get('MaxOutstandingR2T', '1')}"
    )


def unit_in_short(session: Session) -> str:
    """Return one line about a session's unit; "" if the unit does not answer."""
    unit = ask_unit(session, SHORT)
    parts = [] if unit.inquiry is None else [_inquiry(unit.inquiry, unit.serial)]
    if unit.capacity is not None:
        parts.append(_capacity(unit.capacity, is_protected=False))
    return printable(f"LUN {unit.lun}: {'; '.join(parts)}") if parts else ""


_DIGESTS = ("Header", "Data")


def _rows(offer: Offer) -> Iterator[tuple[str, str]]:
    yield "offers", in_short(offer.login.results)
    yield "negotiated", _pairs(offer.login.results)
    yield "declared", _pairs(offer.login.declared)
    yield "login", _authentication(offer.authentication)
    yield "discovery", _authentication(offer.discovery)
    more = len(offer.names) - MOST_NAMES
    named = ", ".join(offer.names[:MOST_NAMES]) + (f", {more} more" * (more > 0))
    yield "names", named or offer.names_trouble
    listed = "not listed" if offer.luns is None else ranges(offer.luns)
    yield "LUNs", listed
    yield from _unit(offer.unit)


def _pairs(pairs: Mapping[str, str]) -> str:
    return " ".join(f"{key}={value}" for key, value in sorted(pairs.items()))


def _authentication(result: Authentication) -> str:
    if result.method == "None":
        return "asks for no authentication"
    if result.method != "CHAP":
        return result.method
    need = "offers CHAP and does without" if result.is_optional else "asks for CHAP"
    return f"{need}; algorithms: {', '.join(result.algorithms) or 'none that we know'}"


def _unit(unit: Unit) -> Iterator[tuple[str, str]]:
    if unit.inquiry is not None:
        yield f"LUN {unit.lun}", _inquiry(unit.inquiry, unit.serial)
    if unit.capacity is not None:
        yield "capacity", _capacity(unit.capacity, is_protected=unit.is_write_protected)
        yield "provisioning", _provisioning(unit.capacity, unit.provisioning)
    yield "VPD pages", _codes(unit.vpd_pages)
    if unit.limits is not None:
        yield "block limits", _limits(unit.limits)
    yield "mode pages", " ".join(_page(*page) for page in unit.mode_pages)
    if unit.control is not None:
        tst = unit.control["tst"]
        yield "task sets", _TASK_SETS.get(tst, f"TST {tst}")
    if unit.reservations is not None:
        yield "reservations", _reservations(unit.reservations)
    if unit.commands is not None:
        how = "reported" if unit.commands.is_reported else "found by trying what reads"
        names = unit.commands.names
        yield "commands", f"{len(names)} {how}: {_grouped(names)}"
    for trouble in unit.troubles:
        yield "unanswered", trouble


def _grouped(names: Iterable[str]) -> str:
    """Return names; those that differ only in their parentheses are combined."""
    groups: dict[str, list[str]] = {}
    for name in names:
        head, _, detail = name.rstrip(")").partition(" (")
        groups.setdefault(head, []).extend([detail] if detail else [])
    return ", ".join(
        f"{head} ({', '.join(details)})" if details else head
        for head, details in groups.items()
    )


def _inquiry(inquiry: StandardInquiry, serial: str) -> str:
    try:
        kind = DeviceType(inquiry.device_type).name.lower().replace("_", " ")
    except ValueError:
        kind = f"device type {inquiry.device_type:02X}h"
    marks = [
        name
        for name, is_there in (
            ("removable", inquiry.is_removable),
            ("NormACA", inquiry.normaca),
            (f"TPGS {inquiry.tpgs}", inquiry.tpgs),
            ("third-party copy", inquiry.third_party_copy),
            ("protection", inquiry.protect),
        )
        if is_there
    ]
    name = f"{inquiry.vendor} {inquiry.product} {inquiry.revision}"
    number = f", serial number {serial}" if serial else ""
    return ", ".join(
        [f"{name}{number}, {kind}, VERSION {inquiry.version:02X}h", *marks]
    )


def _capacity(capacity: Capacity16, *, is_protected: bool) -> str:
    blocks = capacity.last_lba + 1
    size = blocks * capacity.block_length
    exponent = capacity.physical_block_exponent
    physical = f", {1 << exponent} in a physical block" if exponent else ""
    protected = ", write-protected" if is_protected else ""
    return (
        f"{blocks} blocks of {capacity.block_length} bytes{physical}: "
        f"{size / (1 << 20):.1f} MiB{protected}"
    )


def _provisioning(capacity: Capacity16, page: LogicalBlockProvisioning | None) -> str:
    marks = [f"LBPME {capacity.lbpme}", f"LBPRZ {capacity.lbprz}"]
    if page is None:
        return ", ".join(marks)
    try:
        kind = ProvisioningType(page.provisioning_type).name.lower()
    except ValueError:
        kind = f"type {page.provisioning_type}"
    unmaps = [
        name
        for name, is_there in (
            ("UNMAP", page.lbpu),
            ("WRITE SAME (16)", page.lbpws),
            ("WRITE SAME (10)", page.lbpws10),
        )
        if is_there
    ]
    return ", ".join([kind, *marks, f"unmaps by {' and '.join(unmaps) or 'nothing'}"])


def _limits(limits: BlockLimits) -> str:
    values = {one.name: getattr(limits, one.name) for one in fields(limits)}
    nonzero = {name.replace("_", " "): value for name, value in values.items() if value}
    return ", ".join(f"{name} {value}" for name, value in nonzero.items())


def _reservations(capabilities: Capabilities) -> str:
    types = [str(int(one)) for one in sorted(capabilities.types)]
    marks = [
        name for field, name in _CAPABILITIES.items() if getattr(capabilities, field)
    ]
    listed = (
        f"types {' '.join(types)}"
        if capabilities.type_mask_valid
        else "types not reported"
    )
    return f"persistent; {listed}; options: {', '.join(marks) or 'none'}"


def _codes(codes: Iterable[int]) -> str:
    return " ".join(f"{code:02X}h" for code in codes)


def _page(code: int, subpage: int | None) -> str:
    return f"{code:02X}h" if subpage is None else f"{code:02X}h/{subpage:02X}h"
