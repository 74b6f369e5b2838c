# SPDX-License-Identifier: GPL-2.0-only
"""A target that somebody else runs, given by its URL.

The form is libiscsi's and QEMU's:
iscsi://[user%secret@]host[:port]/name[/lun][?target_user=…&target_password=…].
The first % before the @ parts user and secret; all else is percent-decoded.
"""

import ipaddress
import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from targets.errors import LabError, TargetSpecError
from targets.model import (
    Chap,
    Ending,
    EndingKind,
    LogicalUnit,
    Portal,
    Provider,
    RunningTarget,
    Target,
)

SCHEME = "iscsi://"
FORM = "iscsi://[user%secret@]host[:port]/name[/lun]"
DEFAULT_PORT = 3260
CONNECT_SECONDS = 5.0
USER, SECRET = "ISCSI_ASSAY_CHAP_USER", "ISCSI_ASSAY_CHAP_SECRET"
MUTUAL_USER, MUTUAL_SECRET = "ISCSI_ASSAY_MUTUAL_USER", "ISCSI_ASSAY_MUTUAL_SECRET"

_NAME_TYPES = ("iqn.", "eui.", "naa.")  # RFC 7143 section 4.2.7.1
_LUN_LIMIT = 1 << 14  # flat space addressing, SAM-5 section 4.7.7.4
_QUERY_KEYS = ("target_user", "target_password", "scratch")


@dataclass(frozen=True, slots=True)
class RemoteProvider(Provider):
    """Reaches a target; starts and stops nothing."""

    portal: Portal
    target: Target

    @property
    def kind(self) -> str:
        """The name by which --target selects this provider."""
        return "iscsi"

    def start(self) -> RunningTarget:
        """Connect once to see that somebody listens, and return the target."""
        _probe(self.portal)
        return RunningTarget(
            kind=self.kind,
            description=f"{self.target.name} at {self.portal}",
            version="unknown",
            portals=(self.portal,),
            targets=(self.target,),
            features=_features(self.target),
            control=_RemoteControl(self.portal),
        )

    def stop(self) -> None:
        """Do nothing: the target is not ours."""


@dataclass(frozen=True, slots=True)
class _RemoteControl:
    """What can be done from afar (see `targets.model.Control`)."""

    portal: Portal

    def is_alive(self) -> bool:
        return self.ending() is None

    def ending(self) -> Ending | None:
        try:
            _probe(self.portal)
        except LabError as error:
            return Ending(EndingKind.VANISHED, error.message)
        return None

    def restart(self) -> None:
        raise LabError(
            f"the target at {self.portal} cannot be restarted from here",
            hint="restart it by hand and run again",
        )

    def operate(self, order: str) -> None:
        raise LabError(f"nobody can tell a target that runs elsewhere to {order}")

    def mark(self) -> int:
        return 0

    def log_since(self, mark: int) -> str:  # noqa: ARG002  # it has no log here
        return ""

    def decode(self, text: str) -> str:
        return text


def _features(target: Target) -> frozenset[str]:
    chap = target.chap
    known = {
        "chap": chap is not None,
        "chap-mutual": chap is not None and chap.is_mutual,
        "writes": target.find_scratch() is not None,
    }
    return frozenset(name for name, is_known in known.items() if is_known)


def _probe(portal: Portal) -> None:
    """Connect and close again.

    Raises:
        LabError: Nobody answers; the message says in which way.
    """
    try:
        socket.create_connection((portal.host, portal.port), CONNECT_SECONDS).close()
    except (socket.gaierror, UnicodeError) as error:
        raise LabError(
            f"the host name {portal.host!r} cannot be resolved",
            hint="check the spelling, or give the address",
        ) from error
    except ConnectionRefusedError as error:
        raise LabError(
            f"{portal} refuses the connection",
            hint="check that the target runs and listens on this port",
        ) from error
    except TimeoutError as error:
        raise LabError(
            f"{portal} does not answer within {CONNECT_SECONDS:g} s",
            hint="check the address and the firewall",
        ) from error
    except OSError as error:
        raise LabError(
            f"{portal} cannot be reached: {error.strerror or error}",
            hint="check the address and the route",
        ) from error


def parse(url: str, environ: Mapping[str, str] = os.environ) -> RemoteProvider:
    """Parse the URL of a target.

    Args:
        url: the URL.
        environ: where credentials are found that the URL does not give.

    Raises:
        TargetSpecError: the URL, or the credentials, cannot be understood.
    """
    rest, _, query = url[len(SCHEME) :].partition("?")
    authority, _, path = rest.partition("/")
    user_info, at, address = authority.rpartition("@")
    keys = _parse_query(query)
    given = dict(environ)
    if at:
        user, percent, secret = user_info.partition("%")
        if not percent:
            raise TargetSpecError(f"no %secret after the user {user!r}; use {FORM}")
        given |= {USER: user, SECRET: _decode(secret)}
    if "target_user" in keys or "target_password" in keys:
        given[MUTUAL_USER] = keys.get("target_user", "")
        given[MUTUAL_SECRET] = keys.get("target_password", "")
    return RemoteProvider(
        _parse_address(address),
        _parse_path(path, _parse_scratch(keys), _find_chap(given)),
    )


def _parse_address(text: str) -> Portal:
    match = re.fullmatch(r"(?:\[([^]]*)\]|([^:\[\]]*))(?::([^:]*))?", text)
    if match is None:
        raise TargetSpecError(
            f"the address {text!r} is not host[:port]; put IPv6 in brackets"
        )
    bracketed, host, port = match.groups()
    if bracketed is not None:
        host = _decode(bracketed)
        try:
            ipaddress.IPv6Address(host)
        except ValueError as error:
            raise TargetSpecError(f"{host!r} is not an IPv6 address") from error
    if not host:
        raise TargetSpecError(f"no host in the URL; use {FORM}")
    if port is None:
        return Portal(host, DEFAULT_PORT)
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= 65535:
        raise TargetSpecError(f"the port {port!r} is not a number from 1 to 65535")
    return Portal(host, int(port))


def _parse_path(path: str, scratch: bool, chap: Chap | None) -> Target:
    quoted_name, _, lun = path.partition("/")
    name = _decode(quoted_name)
    if not name:
        raise TargetSpecError(f"no target name in the URL; use {FORM}")
    if not name.lower().startswith(_NAME_TYPES):
        raise TargetSpecError(
            f"the target name {name!r} begins with none of {', '.join(_NAME_TYPES)}"
        )
    if not lun:
        if scratch:
            raise TargetSpecError("scratch=yes needs a LUN in the URL")
        return Target(name, (), chap)
    if not re.fullmatch(r"[0-9]{1,5}", lun) or int(lun) >= _LUN_LIMIT:
        raise TargetSpecError(
            f"the LUN {lun!r} is not a number from 0 to {_LUN_LIMIT - 1}"
        )
    unit = LogicalUnit(int(lun), scratch=scratch, persistent=True)
    return Target(name, (unit,), chap)


def _parse_query(query: str) -> dict[str, str]:
    keys = {}
    for pair in filter(None, query.split("&")):
        key, _, value = pair.partition("=")
        if key not in _QUERY_KEYS:
            raise TargetSpecError(
                f"unknown key {key!r} in the URL; known are {', '.join(_QUERY_KEYS)}"
            )
        keys[key] = _decode(value)
    return keys


def _parse_scratch(keys: Mapping[str, str]) -> bool:
    value = keys.get("scratch", "no")
    if value not in {"yes", "no"}:
        raise TargetSpecError(f"scratch is yes or no, not {value!r}")
    return value == "yes"


def _find_chap(given: Mapping[str, str]) -> Chap | None:
    values = [given.get(name) or None for name in (USER, SECRET)]
    mutual = [given.get(name) or None for name in (MUTUAL_USER, MUTUAL_SECRET)]
    for names, pair in (
        ((USER, SECRET), values),
        ((MUTUAL_USER, MUTUAL_SECRET), mutual),
    ):
        for name, value, other in zip(names, pair, reversed(pair), strict=True):
            if value is None and other is not None:
                raise TargetSpecError(
                    f"half of the CHAP credentials: {name} is missing"
                )
    user, secret = values
    if user is None or secret is None:
        if mutual[0] is not None:
            raise TargetSpecError(
                f"mutual CHAP needs the initiator's credentials too: set {USER}"
                f" and {SECRET}"
            )
        return None
    return Chap(user, secret, *mutual)


def _decode(text: str) -> str:
    """Percent-decode, strictly."""
    if re.search(r"%(?![0-9A-Fa-f]{2})", text):
        raise TargetSpecError(
            "a % that no two hexadecimal digits follow; write %25 for a %"
        )
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError as error:
        raise TargetSpecError("a %-sequence that is not UTF-8") from error
