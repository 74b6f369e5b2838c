# SPDX-License-Identifier: GPL-2.0-only
"""The address of a target and its credentials: portals, CHAP secrets, the URL.

The URL's form is libiscsi's and QEMU's:
iscsi://[user%secret@]host[:port]/name[/lun][?target_user=…&target_password=…]. The
first % before the @ separates user and secret; the rest is percent-decoded.
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from iscsi.chap import Chap, Credentials
from iscsi.constants import ISCSI_PORT

SCHEME = "iscsi://"
FORM = "iscsi://[user%secret@]host[:port]/name[/lun]"
USER, SECRET = "ISCSI_ASSAY_CHAP_USER", "ISCSI_ASSAY_CHAP_SECRET"
MUTUAL_USER, MUTUAL_SECRET = "ISCSI_ASSAY_MUTUAL_USER", "ISCSI_ASSAY_MUTUAL_SECRET"

NAME_TYPES = ("iqn.", "eui.", "naa.")  # RFC 7143 section 4.2.7.1
_LUN_LIMIT = 1 << 14  # flat space addressing, SAM-5 section 4.7.7.4
_QUERY_KEYS = ("target_user", "target_password", "scratch")


class AddressError(ValueError):
    """A URL, or credentials, that cannot be parsed; one line without a secret."""


@dataclass(frozen=True, slots=True)
class Portal:
    """A network portal: an address, a TCP port, and its portal group tag."""

    host: str
    port: int = ISCSI_PORT
    group_tag: int = 1

    def __str__(self) -> str:
        """Return host:port; IPv6 addresses are in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class TargetURL:
    """The contents of a URL: portal, target name, unit and credentials."""

    portal: Portal
    name: str
    lun: int | None = None
    """None if the URL names no logical unit."""
    chap: Chap | None = None
    scratch: bool = False
    """Whether the logical unit may be overwritten."""


def parse(url: str, environ: Mapping[str, str]) -> TargetURL:
    """Parse the URL of a target.

    Args:
        url: the URL.
        environ: the variables with credentials that the URL does not contain.

    Raises:
        AddressError: the URL, or the credentials, cannot be parsed.
    """
    if not url.lower().startswith(SCHEME):
        raise AddressError(f"a target is given as {FORM}")
    rest, _, query = url[len(SCHEME) :].partition("?")
    authority, _, path = rest.partition("/")
    user_info, at, address = authority.rpartition("@")
    keys = _query(query)
    settings = dict(environ)
    if at:
        user, percent, secret = user_info.partition("%")
        if not percent:
            raise AddressError(f"no %secret after the user {user!r}; use {FORM}")
        settings |= {USER: user, SECRET: _decoded(secret)}
    if "target_user" in keys or "target_password" in keys:
        settings[MUTUAL_USER] = keys.get("target_user", "")
        settings[MUTUAL_SECRET] = keys.get("target_password", "")
    portal = parse_portal(address)
    name, lun = _path(path)
    scratch = _scratch(keys)
    if scratch and lun is None:
        raise AddressError("scratch=yes needs a LUN in the URL")
    return TargetURL(portal, name, lun, find_chap(settings), scratch)


def parse_portal(text: str) -> Portal:
    """Parse host[:port]; an IPv6 address is in brackets.

    Raises:
        AddressError: it cannot be parsed.
    """
    match = re.fullmatch(r"(?:\[([^]]*)\]|([^:\[\]]*))(?::([^:]*))?", text)
    if match is None:
        raise AddressError(
            f"the address {text!r} is not host[:port]; put IPv6 in brackets"
        )
    bracketed, host, port = match.groups()
    if bracketed is not None:
        host = _decoded(bracketed)
        try:
            ipaddress.IPv6Address(host)
        except ValueError as error:
            raise AddressError(f"{host!r} is not an IPv6 address") from error
    if not host:
        raise AddressError(f"no host in the URL; use {FORM}")
    if port is None:
        return Portal(host)
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= 65535:
        raise AddressError(f"the port {port!r} is not a number from 1 to 65535")
    return Portal(host, int(port))


def _path(path: str) -> tuple[str, int | None]:
    quoted_name, _, lun = path.partition("/")
    name = _decoded(quoted_name)
    if not name:
        raise AddressError(f"no target name in the URL; use {FORM}")
    if not name.lower().startswith(NAME_TYPES):
        raise AddressError(
            f"the target name {name!r} must begin with one of {', '.join(NAME_TYPES)}"
        )
    if not lun:
        return name, None
    if not re.fullmatch(r"[0-9]{1,5}", lun) or int(lun) >= _LUN_LIMIT:
        raise AddressError(
            f"the LUN {lun!r} is not a number from 0 to {_LUN_LIMIT - 1}"
        )
    return name, int(lun)


def _query(query: str) -> dict[str, str]:
    keys = {}
    for pair in filter(None, query.split("&")):
        key, _, value = pair.partition("=")
        if key not in _QUERY_KEYS:
            raise AddressError(
                f"unknown key {key!r} in the URL; known are {', '.join(_QUERY_KEYS)}"
            )
        keys[key] = _decoded(value)
    return keys


def _scratch(keys: Mapping[str, str]) -> bool:
    value = keys.get("scratch", "no")
    if value not in {"yes", "no"}:
        raise AddressError(f"scratch is yes or no, not {value!r}")
    return value == "yes"


def find_chap(settings: Mapping[str, str]) -> Chap | None:
    """Return the credentials in variables, or None if there are none.

    Raises:
        AddressError: half of a pair is missing.
    """
    credentials = _credentials(settings, USER, SECRET)
    mutual = _credentials(settings, MUTUAL_USER, MUTUAL_SECRET)
    if credentials is not None:
        return Chap(credentials, mutual)
    if mutual is not None:
        raise AddressError(
            f"mutual CHAP needs the initiator's credentials too: set {USER}"
            f" and {SECRET}"
        )
    return None


def _credentials(
    settings: Mapping[str, str], name: str, secret: str
) -> Credentials | None:
    values = settings.get(name), settings.get(secret)
    if not any(values):
        return None
    if not values[0] or not values[1]:
        missing = secret if values[0] else name
        raise AddressError(f"incomplete CHAP credentials: {missing} is missing")
    return Credentials.of(values[0], values[1])


def _decoded(text: str) -> str:
    """Percent-decode a text; a wrong escape is an error."""
    if re.search(r"%(?![0-9A-Fa-f]{2})", text):
        raise AddressError(
            "a % without two hexadecimal digits after it; write %25 for a %"
        )
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError as error:
        raise AddressError("a %-sequence is not UTF-8") from error
