# SPDX-License-Identifier: GPL-2.0-only
"""The grammar of a target's URL, and CHAP credentials."""

import pytest

from iscsi.address import (
    MUTUAL_SECRET,
    MUTUAL_USER,
    SECRET,
    USER,
    AddressError,
    Portal,
    find_chap,
    parse,
)
from iscsi.chap import Chap, Credentials

_NAME = "iqn.2001-04.com.example:disk"


@pytest.mark.parametrize(
    ("address", "portal", "shown"),
    [
        ("host.example", Portal("host.example", 3260), "host.example:3260"),
        ("192.0.2.1:3261", Portal("192.0.2.1", 3261), "192.0.2.1:3261"),
        ("[2001:db8::1]", Portal("2001:db8::1", 3260), "[2001:db8::1]:3260"),
        ("[::1]:65535", Portal("::1", 65535), "[::1]:65535"),
        ("[fe80::1%25eth0]:1", Portal("fe80::1%eth0", 1), "[fe80::1%eth0]:1"),
    ],
)
def test_an_address_is_understood(address: str, portal: Portal, shown: str) -> None:
    parsed = parse(f"iscsi://{address}/{_NAME}", {}).portal

    assert parsed == portal
    assert str(parsed) == shown


@pytest.mark.parametrize(("path", "lun"), [("", None), ("/", None), ("/7", 7)])
def test_a_lun_is_optional(path: str, lun: int | None) -> None:
    assert parse(f"iscsi://h/{_NAME}{path}", {}).lun == lun


def test_a_lun_is_scratch_only_by_word() -> None:
    assert parse(f"ISCSI://h/{_NAME}/0?scratch=yes", {}).scratch
    assert not parse(f"iscsi://h/{_NAME}/0?scratch=no", {}).scratch
    assert not parse(f"iscsi://h/{_NAME}/0", {}).scratch


def test_a_name_is_percent_decoded() -> None:
    url = "iscsi://h/iqn.2001-04.com.example%3Aa%2Fb/0"

    assert parse(url, {}).name == "iqn.2001-04.com.example:a/b"


def test_credentials_of_the_url_go_before_those_of_the_environment() -> None:
    url = f"iscsi://iqn.x:me%p%40ss%2F%25w@h/{_NAME}?target_user=t&target_password=%26s"

    chap = parse(url, {USER: "other", SECRET: "other"}).chap

    assert chap == Chap(Credentials("iqn.x:me", b"p@ss/%w"), Credentials("t", b"&s"))


def test_credentials_come_from_the_environment() -> None:
    environ = {USER: "me", SECRET: "s", MUTUAL_USER: "", MUTUAL_SECRET: ""}

    chap = parse(f"iscsi://h/{_NAME}", environ).chap

    assert chap == Chap(Credentials("me", b"s"))
    assert find_chap({}) is None


def test_a_secret_is_not_shown() -> None:
    representation = repr(
        Chap(Credentials("me", b"my secret"), Credentials("you", b"your secret"))
    )

    assert representation == (
        "Chap(credentials=Credentials(name='me'), mutual=Credentials(name='you'))"
    )


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("http://host", "a target is given as iscsi://"),
        ("iscsi://", "no host"),
        (f"iscsi:///{_NAME}", "no host"),
        ("iscsi://host", "no target name"),
        ("iscsi://host/", "no target name"),
        ("iscsi://host/disk", "must begin with one of"),
        (f"iscsi://host:0/{_NAME}", "the port '0'"),
        (f"iscsi://host:/{_NAME}", "the port ''"),
        (f"iscsi://host:port/{_NAME}", "the port 'port'"),
        (f"iscsi://::1/{_NAME}", "put IPv6 in brackets"),
        (f"iscsi://[::1/{_NAME}", "put IPv6 in brackets"),
        (f"iscsi://[::g]/{_NAME}", "not an IPv6 address"),
        (f"iscsi://user@host/{_NAME}", "no %secret after the user 'user'"),
        (f"iscsi://user%@host/{_NAME}", f"{SECRET} is missing"),
        (f"iscsi://%secret@host/{_NAME}", f"{USER} is missing"),
        (f"iscsi://u%se%cret@host/{_NAME}", "write %25 for a %"),
        (f"iscsi://u%s%ff@host/{_NAME}", "not UTF-8"),
        (f"iscsi://host/{_NAME}/x", "the LUN 'x'"),
        (f"iscsi://host/{_NAME}/16384", "the LUN '16384'"),
        (f"iscsi://host/{_NAME}/1/2", "the LUN '1/2'"),
        (f"iscsi://host/{_NAME}?color=red", "unknown key 'color'"),
        (f"iscsi://host/{_NAME}/1?scratch=maybe", "yes or no"),
        (f"iscsi://host/{_NAME}?scratch=yes", "needs a LUN"),
        (f"iscsi://u%s@host/{_NAME}?target_user=t", f"{MUTUAL_SECRET} is missing"),
        (
            f"iscsi://host/{_NAME}?target_user=t&target_password=p",
            "needs the initiator's credentials too",
        ),
    ],
)
def test_a_wrong_url_is_refused_in_one_line(url: str, complaint: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse(url, {})

    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)
