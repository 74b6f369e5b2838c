# SPDX-License-Identifier: GPL-2.0-only
"""A login that the target refuses."""

from iscsi import text
from iscsi.constants import LoginStatus


class Refusal(Exception):
    """The login ends with a status other than success (RFC 7143 section 11.13.5).

    Attributes:
        status: what the Login Response says.
        pairs: its text, such as the address of a redirection.
    """

    def __init__(
        self, status: LoginStatus, why: str, pairs: text.Pairs | None = None
    ) -> None:
        super().__init__(f"{status.name}: {why}")
        self.status = status
        self.pairs: text.Pairs = pairs or []
