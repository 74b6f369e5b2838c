# SPDX-License-Identifier: GPL-2.0-only
"""What the reference disk answers, as sg3_utils reads it: a stack that is not ours."""

import subprocess

import pytest

from iscsi.scsi import cdb
from iscsi.scsi.sense import AdditionalSense, FieldPointer, Sense, SenseKey
from tests import tools
from tests.reftarget.scsi.disk import A, Disk


def decode(program: str, *arguments: str, data: bytes) -> str:
    """Return what a decoder of sg3_utils says of the bytes."""
    tools.require(program)
    process = subprocess.run(
        [program, *arguments],
        input=data.hex(" "),
        capture_output=True,
        text=True,
        timeout=10,
        check=True,
    )
    return " ".join(process.stdout.split())


@pytest.fixture
def disk() -> Disk:
    return Disk(serial="SERIAL42")


@pytest.mark.parametrize("is_descriptor", [False, True])
def test_sense_data_reads_as_meant(is_descriptor: bool) -> None:
    sense = Sense.of(
        SenseKey.ILLEGAL_REQUEST,
        AdditionalSense.INVALID_FIELD_IN_CDB,
        information=0x1234,
        field_pointer=FieldPointer(2, 5),
    )

    output = decode(
        "sg_decode_sense", "--file=-", data=sense.build(descriptor=is_descriptor)
    )

    assert ("Descriptor format" in output) is is_descriptor
    assert "Illegal Request" in output
    assert "Invalid field in cdb" in output
    assert "Error in Command: byte 2 bit 5" in output
    assert "1234" in output


@pytest.mark.parametrize("additional", AdditionalSense, ids=lambda entry: entry.name)
def test_additional_sense_has_t10_s_name(additional: AdditionalSense) -> None:
    data = Sense.of(SenseKey.NO_SENSE, additional).build()

    output = decode("sg_decode_sense", "--file=-", data=data).lower()

    letters = "".join(filter(str.isalnum, output))
    assert additional.name.replace("_", "").lower() in letters


def test_standard_inquiry_reads_as_meant(disk: Disk) -> None:
    data = disk.good(cdb.inquiry(allocation_length=96))

    output = decode("sg_inq", "--descriptors", "--inhex=-", data=data)

    assert "Vendor identification: ASSAY" in output
    assert "Product identification: Reference disk" in output
    assert "version=0x06 [SPC-4]" in output
    assert "CmdQue=1" in output
    assert "3PC=1" in output
    for standard in ("SAM-5", "iSCSI", "SPC-4", "SBC-3"):
        assert f"{standard} (no version claimed)" in output


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (0x00, ["Unit serial number [sn]", "Block limits (SBC) [bl]"]),
        (0x80, ["Unit serial number: SERIAL42"]),
        (
            0x83,
            [
                "NAA 3, Locally assigned",
                "vendor id: ASSAY",
                "Relative target port: 0x1",
                "transport: Internet SCSI (iSCSI)",
                "SCSI name string: iqn.2001-04.com.example:disk,t,0x0001",
            ],
        ),
        (0x86, ["HEADSUP=1", "ORDSUP=1", "SIMPSUP=1", "LUICLR=1"]),
        (
            0xB0,
            [
                "Maximum compare and write length: 255 blocks",
                "Maximum transfer length: 65536 blocks",
                "Maximum unmap block descriptor count: 256",
                "Optimal unmap granularity: 1 block",
                "Maximum write same length: 0x10000 blocks",
                "Maximum atomic transfer length: 256 blocks",
            ],
        ),
        (0xB1, ["Non-rotating medium (e.g. solid state)"]),
        (
            0xB2,
            [
                "Unmap command supported (LBPU): 1",
                "(LBPRZ): 1",
                "Provisioning type: 2",
            ],
        ),
    ],
)
def test_vpd_page_reads_as_meant(disk: Disk, code: int, expected: list[str]) -> None:
    data = disk.good(cdb.inquiry(evpd=1, page_code=code, allocation_length=255))

    reported = decode("sg_vpd", f"--page={code:#x}", "--long", "--inhex=-", data=data)

    for phrase in expected:
        assert phrase in reported


def test_lba_status_reads_as_meant(disk: Disk) -> None:
    disk.good(cdb.write_10(lba=2, blocks=3), A * 3)
    data = disk.good(cdb.get_lba_status(allocation_length=255))

    output = decode("sg_get_lba_status", "--maxlen=255", "--inhex=-", data=data)

    assert "LBA: 0x0000000000000002 blocks: 3 mapped" in output
    assert "LBA: 0x0000000000000005 blocks: 2043 deallocated" in output


def test_log_page_reads_as_meant(disk: Disk) -> None:
    data = disk.good(
        cdb.log_sense(page_control=1, page_code=0x0D, allocation_length=255)
    )

    output = decode("sg_logs", "--in=-", data=data)

    assert "Current temperature = 25 C" in output
