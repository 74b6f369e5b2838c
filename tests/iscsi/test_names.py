# SPDX-License-Identifier: GPL-2.0-only
import pytest

from iscsi.errors import DecodeError
from iscsi.names import (
    ISIDType,
    TargetAddress,
    is_iscsi_name,
    isid,
    parse_target_address,
)


@pytest.mark.parametrize(
    ("name", "is_name"),
    [
        ("iqn.2001-04.com.example:storage:diskarrays-sn-a8675309", True),
        ("iqn.2001-04.com.example", True),
        ("eui.02004567A425678D", True),
        ("naa.52004567BA64678D", True),
        ("naa.62004567BA64678D0123456789ABCDEF", True),
        ("iqn.2001-13.com.example", False),
        ("iqn.2001-04", False),
        ("iqn.2001-04.com.example:Upper", False),
        ("iqn.2001-04.com.example:a b", False),
        ("iqn.2001-04.com.example:a_b", False),
        ("eui.02004567A425678", False),
        ("naa.52004567BA64678D00", False),
        ("foo.bar", False),
        ("", False),
        ("iqn.2001-04.com.example:" + "a" * 199, True),
        ("iqn.2001-04.com.example:" + "a" * 200, False),
    ],
)
def test_names(name: str, is_name: bool) -> None:
    assert is_iscsi_name(name) is is_name


def test_isids() -> None:
    assert isid(ISIDType.RANDOM, 0x123456, 7).hex() == "801234560007"
    assert isid(ISIDType.ENTERPRISE_NUMBER, 0x123456, 7).hex() == "401234560007"
    assert isid(ISIDType.OUI, 0x023D00, 5).hex() == "023d00000005"


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("10.0.0.1:5003,1", TargetAddress("10.0.0.1", 5003, 1)),
        ("10.0.0.1", TargetAddress("10.0.0.1", 3260, None)),
        (
            "[1080::8:800:200C:417A],65",
            TargetAddress("1080::8:800:200C:417A", 3260, 65),
        ),
        ("[1080::1]:5003,1", TargetAddress("1080::1", 5003, 1)),
        ("computing.example.com,23", TargetAddress("computing.example.com", 3260, 23)),
    ],
)
def test_target_addresses(value: str, address: TargetAddress) -> None:
    assert parse_target_address(value) == address
    assert parse_target_address(str(address)) == address


@pytest.mark.parametrize(
    "value", ["", "host:0", "host:65536", "host,65536", "::1,1", "host:1,", "a b,1"]
)
def test_other_addresses_are_refused(value: str) -> None:
    with pytest.raises(DecodeError):
        parse_target_address(value)
