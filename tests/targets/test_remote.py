# SPDX-License-Identifier: GPL-2.0-only
"""URLs, credentials and the probe of targets that somebody else runs."""

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from iscsi.address import MUTUAL_SECRET, MUTUAL_USER, SECRET, USER
from targets import (
    Chap,
    Credentials,
    LabError,
    LogicalUnit,
    Portal,
    TargetSpecError,
    remote,
)
from targets.remote import parse

_NAME = "iqn.2001-04.com.example:storage"


@pytest.mark.parametrize(
    ("address", "portal"),
    [
        ("host.example", Portal("host.example", 3260)),
        ("192.0.2.1:3261", Portal("192.0.2.1", 3261)),
        ("[2001:db8::1]", Portal("2001:db8::1", 3260)),
        ("[::1]:65535", Portal("::1", 65535)),
        ("[fe80::1%25eth0]:1", Portal("fe80::1%eth0", 1)),
    ],
)
def test_address_is_understood(address: str, portal: Portal) -> None:
    assert parse(f"iscsi://{address}/{_NAME}", {}).portal == portal


def test_lun_is_optional() -> None:
    assert parse(f"iscsi://h/{_NAME}", {}).target.logical_units == ()
    assert parse(f"iscsi://h/{_NAME}/", {}).target.logical_units == ()
    assert parse(f"iscsi://h/{_NAME}/7", {}).target.logical_units == (
        LogicalUnit(7, persistent=True),
    )


def test_a_unit_may_be_written_only_if_the_url_says_so() -> None:
    target = parse(f"iscsi://h/{_NAME}/0?scratch=yes", {}).target
    stored = parse(f"iscsi://h/{_NAME}/0", {}).target

    assert target.find_scratch() is not None
    assert stored.find_scratch() is None


def test_name_is_percent_decoded() -> None:
    assert parse("iscsi://h/iqn.2001-04.com.example%3Aa%2Fb/0", {}).target.name == (
        "iqn.2001-04.com.example:a/b"
    )


def test_credentials_come_from_the_url() -> None:
    url = f"iscsi://iqn.x:me%p%40ss%2F%25w@h/{_NAME}?target_user=t&target_password=%26s"

    assert parse(url, {USER: "other", SECRET: "other"}).target.chap == Chap(
        Credentials("iqn.x:me", b"p@ss/%w"), Credentials("t", b"&s")
    )


def test_credentials_come_from_the_environment() -> None:
    environment = {USER: "u", SECRET: "s", MUTUAL_USER: "t", MUTUAL_SECRET: "r"}

    assert parse(f"iscsi://h/{_NAME}", environment).target.chap == Chap(
        Credentials("u", b"s"), Credentials("t", b"r")
    )


def test_secrets_are_not_printed() -> None:
    assert "hidden" not in repr(parse(f"iscsi://u%hidden@h/{_NAME}", {}))


# tests/iscsi/test_address.py tests the grammar itself.
@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("iscsi://", "no host"),
        (f"iscsi://host:0/{_NAME}", "the port '0'"),
        (f"iscsi://user%@host/{_NAME}", f"{SECRET} is missing"),
    ],
)
def test_wrong_url_is_refused_in_one_line(url: str, complaint: str) -> None:
    with pytest.raises(TargetSpecError) as caught:
        parse(url, {})

    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_half_of_the_environment_is_refused() -> None:
    with pytest.raises(TargetSpecError, match=f"{SECRET} is missing"):
        parse(f"iscsi://h/{_NAME}", {USER: "u"})


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server


def test_listening_target_is_reached(listener: socket.socket) -> None:
    port = listener.getsockname()[1]

    with parse(f"iscsi://u%s@127.0.0.1:{port}/{_NAME}/0", {}) as running:
        assert running.control.is_alive()
        assert running.portal == Portal("127.0.0.1", port)
        assert running.features == {"chap"}
        assert running.control.log_since(0) == ""
        assert running.chap_target == running.target
        assert str(port) in running.environment()["target.portals"]
        with pytest.raises(LabError, match="cannot be restarted from here"):
            running.control.restart()


def test_dead_target_is_noticed(listener: socket.socket) -> None:
    port = listener.getsockname()[1]

    with parse(f"iscsi://127.0.0.1:{port}/{_NAME}", {}) as running:
        listener.close()

        assert not running.control.is_alive()
        assert "refuses the connection" in str(running.control.ending())


def test_refused_connection_says_what_to_do(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    listener.close()

    with pytest.raises(LabError, match="refuses the connection; check that") as caught:
        parse(f"iscsi://127.0.0.1:{port}/{_NAME}", {}).start()

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("error", [socket.gaierror(-2, "unknown"), UnicodeError()])
def test_unknown_host_says_what_to_do(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", refuse)

    with pytest.raises(LabError, match="'nowhere' cannot be resolved; check the"):
        parse(f"iscsi://nowhere/{_NAME}", {}).start()


def test_silent_host_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "CONNECT_SECONDS", 0.05)
    with closing(socket.socket()) as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        # The backlog holds one connection; the next one gets no answer.
        with closing(socket.create_connection(server.getsockname())):
            port = server.getsockname()[1]

            with pytest.raises(LabError, match="does not answer within") as caught:
                parse(f"iscsi://127.0.0.1:{port}/{_NAME}", {}).start()

    assert "firewall" in caught.value.hint
