# SPDX-License-Identifier: GPL-2.0-only
"""The URL of a target: iscsi://[user%secret@]host[:port]/name[/lun]."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from initiator.connection import Portal
from iscsi.constants import ISCSI_PORT

FORM = "iscsi://[user%secret@]host[:port]/name[/lun]"
USER, SECRET = "ISCSI_ASSAY_CHAP_USER", "ISCSI_ASSAY_CHAP_SECRET"


class URLError(ValueError):
    """A URL that names no target; one line, without the secret."""


@dataclass(frozen=True, slots=True)
class TargetURL:
    """Where a target is, and what lets one in."""

    portal: Portal
    name: str
    lun: int = 0
    user: str = ""
    secret: str = field(default="", repr=False)


def parse(url: str, environ: Mapping[str, str] = os.environ) -> TargetURL:
    """Read a URL; credentials may stand in the environment instead.

    Raises:
        URLError: it is of another form.
    """
    scheme, mark, rest = url.partition("://")
    if scheme.lower() != "iscsi" or not mark:
        raise URLError(f"a target is given as {FORM}")
    login, at, address = rest.rpartition("@")
    user, secret = environ.get(USER, ""), environ.get(SECRET, "")
    if at:
        user, has_secret, secret = login.partition("%")
        if not has_secret:
            raise URLError(f"no secret before the @: {FORM}")
    try:
        parts = urlsplit(f"//{address}")
        host, port = parts.hostname, parts.port or ISCSI_PORT
    except ValueError as error:
        raise URLError(f"the address of the target is wrong: {error}") from error
    name, _, lun = parts.path.strip("/").partition("/")
    if not host or not name:
        raise URLError(f"host or target name is missing: {FORM}")
    if lun and not lun.isdigit():
        raise URLError(f"the LUN {lun!r} is no number: {FORM}")
    return TargetURL(
        Portal(host, port), unquote(name), int(lun or 0), unquote(user), unquote(secret)
    )
