# SPDX-License-Identifier: GPL-2.0-only
"""What holds in every test of the reference target."""

import logging
from collections.abc import Iterator

import pytest


class _Errors(logging.Handler):
    """Keeps the text of records, and nothing that they speak of."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture(autouse=True)
def wrong_arrows() -> Iterator[list[str]]:
    """Hold every test to the tables of chapter 8: no event is out of place in them."""
    handler, log = _Errors(), logging.getLogger("reftarget.states")
    log.addHandler(handler)
    yield handler.lines
    log.removeHandler(handler)
    assert handler.lines == []
