# SPDX-License-Identifier: GPL-2.0-only
"""The habits of logins and of what is said in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from iscsi.keys import KEYS
from reftarget.habits.changes import change_login, change_texts
from reftarget.habits.row import Habit
from reftarget.rules import LoginRules

if TYPE_CHECKING:
    from iscsi import text


def _backwards(pairs: text.Pairs) -> text.Pairs:
    return pairs[::-1]


def _in_hexadecimal(pairs: text.Pairs) -> text.Pairs:
    def shown(name: str, value: str) -> str:
        key = KEYS.get(name)
        is_number = key is not None and key.is_numerical and value.isdecimal()
        return hex(int(value)) if is_number else value

    return [(name, shown(name, value)) for name, value in pairs]


LOGINS: Final = (
    Habit(
        name="answers-come-backwards",
        clause="RFC 7143 6.2",
        says="Answers the keys of a login in another order than they came in.",
        twist=change_login(_backwards),
    ),
    Habit(
        name="numbers-are-hexadecimal",
        clause="RFC 7143 6.1",
        says="Says numbers in hexadecimal.",
        twist=change_texts(_in_hexadecimal),
    ),
    Habit(
        name="transition-comes-late",
        clause="RFC 7143 6.3",
        says="Answers the first request of a login with T=0.",
        rules=LoginRules(may_transit=lambda exchange: exchange > 1),
    ),
)
"""What may be said otherwise in a login."""
