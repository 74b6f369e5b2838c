# SPDX-License-Identifier: GPL-2.0-only
"""Checks that fail after CHAP and amid it, by the target's fault or ours."""

import os
import resource
from dataclasses import replace
from pathlib import Path

import pytest

from initiator.expect import ConformanceFailure
from initiator.session import Session
from suites.plugins.sessions import NewLogin
from suites.plugins.targets import TestedTarget
from suites.support.security import ChapLogin

MUST = "RFC7143-12.1.3-04"


@pytest.fixture
def chap_login(new_login: NewLogin, target: TestedTarget) -> ChapLogin:
    return ChapLogin(new_login(), target.options())


@pytest.mark.requirement(MUST)
def test_fails_after_chap(session: Session) -> None:
    """The target would have to say something else."""
    raise ConformanceFailure("otherwise", session.ping(), session.transcript)


@pytest.mark.requirement(MUST)
def test_fails_amid_chap(chap_login: ChapLogin) -> None:
    """The target would have to refuse the proof."""
    pairs = chap_login.prove(chap_login.mutual_proof(chap_login.challenge()))
    raise ConformanceFailure("a refusal", pairs, chap_login.login.connection.transcript)


@pytest.mark.requirement(MUST)
def test_breaks_amid_chap(chap_login: ChapLogin) -> None:
    """The check itself is broken."""
    chap_login.prove(chap_login.mutual_proof(chap_login.challenge()))
    raise ValueError("a bug of ours")


@pytest.mark.requirement(MUST)
def test_breaks_before_the_proof(chap_login: ChapLogin) -> None:
    """The target cannot send what it is given."""
    proof = chap_login.mutual_proof(chap_login.challenge())
    chap_login.login.connection.close()
    chap_login.prove(proof)


@pytest.mark.requirement(MUST)
def test_breaks_with_the_secret(chap_login: ChapLogin) -> None:
    """A function fails that has the secret for an argument."""
    challenge = replace(chap_login.challenge(), algorithm=0)  # type: ignore[arg-type]
    print(chap_login.credentials.secret.decode())  # noqa: T201  # what must not get out
    challenge.respond(chap_login.credentials.secret)


@pytest.mark.requirement(MUST)
def test_notes_what_others_see() -> None:
    """The process list and the limit of cores are kept for who has started the run."""
    lines = [
        path.read_bytes().replace(b"\0", b" ")
        for path in Path("/proc").glob("[0-9]*/cmdline")
    ]
    folder = Path(os.environ["ASSAY_NOTES"])
    (folder / "processes.txt").write_bytes(b"\n".join(lines))
    limit, _ = resource.getrlimit(resource.RLIMIT_CORE)
    (folder / "core.txt").write_text(str(limit))
