# SPDX-License-Identifier: GPL-2.0-only
"""The watcher: another initiator, which must not notice the attacker."""

import functools
import secrets
from dataclasses import dataclass, field

from initiator.expect import ConformanceFailure, check
from initiator.login import LoginOptions
from initiator.session import Session
from iscsi.scsi import cdb
from suites.plugins.targets import TestedTarget

UNDISTURBED = "Robustness-2-01"

_CANARY = 16
_SENTINEL_BLOCKS = 16


@functools.cache
def _canary() -> bytes:
    """Return the canary, the same in all checks of a run; no answer may contain it.

    Even data of a session that is over still belongs to another initiator.
    """
    return secrets.token_bytes(_CANARY)


@dataclass(slots=True)
class Watcher:
    """The session of another initiator, which must survive all attacks."""

    tested: TestedTarget
    options: LoginOptions
    sentinel: int | None
    """The unit that no stimulus addresses; None if there is no writable one."""
    block_size: int
    canary: bytes = field(default_factory=_canary)
    session: Session | None = None

    def start(self) -> None:
        """Log in, and write data that must stay unchanged."""
        session = self.open()
        if self.sentinel is not None:
            command = cdb.write_10(lba=0, blocks=_SENTINEL_BLOCKS)
            result = session.execute(command, write=self.pattern)
            check(
                result.is_good,
                "status GOOD for the watcher's write",
                result,
                requirement=UNDISTURBED,
            )

    def open(self) -> Session:
        """Return the session; log in if none is open."""
        if self.session is not None and self.session.connection.is_open:
            return self.session
        lun = 0 if self.sentinel is None else self.sentinel
        session = self.session = Session(
            self.tested.portal,
            self.options,
            timeout=self.tested.timeout,
            lun=lun,
        )
        session.clear_unit_attention()
        return session

    @property
    def pattern(self) -> bytes:
        """The contents of the sentinel's first blocks."""
        size = _SENTINEL_BLOCKS * self.block_size
        return (self.canary * (size // _CANARY + 1))[:size]

    def ping(self) -> None:
        """Send a ping that carries the canary, and wait for its answer.

        Raises:
            ConformanceFailure, ISCSIError: it is not answered.
        """
        assert self.session is not None
        pong = self.session.ping(self.canary)
        if bytes(pong.data) != self.canary:
            raise ConformanceFailure("the data of the watcher's ping", pong)

    def read_again(self) -> bytes:
        """Return the present contents of the sentinel's first blocks."""
        assert self.session is not None
        size = len(self.pattern)
        command = cdb.read_10(lba=0, blocks=_SENTINEL_BLOCKS)
        result = self.session.execute(command, read=size)
        if not result.is_good:  # a unit attention after a reset
            self.session.clear_unit_attention()
            result = self.session.execute(command, read=size)
        check(
            result.is_good,
            "status GOOD for the watcher's read",
            result,
            requirement=UNDISTURBED,
        )
        return result.data

    def forget(self) -> None:
        """Drop the connection, since its target has ended."""
        if self.session is not None:
            self.session.close()
            self.session = None

    def close(self) -> None:
        """Log out."""
        if self.session is not None:
            self.session.end()
            self.session = None
