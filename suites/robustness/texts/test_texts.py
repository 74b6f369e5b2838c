# SPDX-License-Identifier: GPL-2.0-only
"""Malformed text, keys with values of all shapes, and wrong CHAP responses."""

import pytest

from iscsi import text
from suites.support.attacker import JUDGED, SECRET, Attacker
from suites.support.hostile_text import (
    algorithms,
    cut_texts,
    logins_without_proof,
    malformed_texts,
    responses,
    values,
)
from suites.support.positions import POSITIONS, at, locked

pytestmark = pytest.mark.requirement(*JUDGED, SECRET)

_TEXTS = (
    ("before-login", "Login"),
    ("security", "Login"),
    ("operational", "Login"),
    ("login-cut", "Login"),
    ("full-feature", "Text"),
    ("text-cut", "Text"),
    ("discovery", "Text"),
)
"""The positions in which a target reads text, and the PDU that carries it."""


_PLACES = [at(*place) for place in _TEXTS]
_READ = [at("operational", "Login"), at("full-feature", "Text")]
"""The positions in which each key is sent; the others use the same code."""


@pytest.mark.parametrize(("position", "kind"), _PLACES)
def test_text_of_any_form_is_survived(
    attacker: Attacker, position: str, kind: str
) -> None:
    """The target keeps serving, whatever form a text has."""
    attacker.attack(POSITIONS[position], malformed_texts(kind))
    attacker.end()


@pytest.mark.parametrize(("position", "kind"), _READ)
def test_any_value_of_a_key_is_survived(
    attacker: Attacker, position: str, kind: str
) -> None:
    """The target keeps serving, whatever value a key has."""
    attacker.attack(POSITIONS[position], values(kind))
    attacker.end()


@pytest.mark.parametrize(("position", "kind"), _PLACES)
def test_text_without_end_is_survived(
    attacker: Attacker, position: str, kind: str
) -> None:
    """The target keeps serving if a text never ends."""
    is_login = kind == "Login"
    cut, last = (0x44, 0x04) if is_login else (0x40, 0x80)
    attacker.attack(POSITIONS[position], cut_texts(kind, cut, last))
    attacker.end()


@pytest.mark.needs("chap")
def test_any_proof_of_chap_is_survived(attacker: Attacker) -> None:
    """The target keeps serving, and admits no initiator by a wrong CHAP response."""
    attacker.attack(POSITIONS["challenged"], responses())
    attacker.end()


@pytest.mark.needs("chap")
@pytest.mark.parametrize("position", ["before-login", "challenged"])
def test_any_method_of_authentication_is_survived(
    attacker: Attacker, position: str
) -> None:
    """The target keeps serving, whatever methods and algorithms are offered."""
    attacker.attack(POSITIONS[position], algorithms())
    attacker.end()


@pytest.mark.needs("chap")
def test_no_login_leaves_the_proof_out(attacker: Attacker) -> None:
    """The target admits no initiator without the secret."""
    credentials = attacker.facts.chap
    assert credentials is not None  # the marker
    attacker.attack(locked, logins_without_proof(text.encode(credentials.names())))
    attacker.end()
