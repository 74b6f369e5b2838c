# SPDX-License-Identifier: GPL-2.0-only
"""Nothing that a failing run with CHAP leaves shows the secrets, or lets one guess."""

import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from secrets import token_hex

import pytest

from iscsi import chap, text
from reports import html
from tests.suites.runs import ROOT, run

pytestmark = pytest.mark.integration

REPORTS = (sys.executable, "-m", "reports")


NAME = "iqn.2001-04.com.example:guarded"
CONFIGURATION = """
[[portal]]
address = "127.0.0.1:0"

[[target]]
name = "{name}"

[target.auth]
user = "{user}"
secret = "{secret}"
mutual_user = "{mutual_user}"
mutual_secret = "{mutual_secret}"

[[target.lun]]
lun = 0
size = "1M"
"""


FILE = """
label = "guarded"

[[portal]]
address = "{portal}"

[[target]]
name = "{name}"

[target.chap]
user = "{user}"
secret = "{secret}"
mutual_user = "{mutual_user}"
mutual_secret = "{mutual_secret}"

[[target.identity]]
user = "{user}-2"
secret = "{secret}"

[discovery.chap]
user = "{user}"
secret = "{secret}"

[hooks]
version = "echo 1.0"
is_alive = "env"
log = "env"
"""


@dataclass(frozen=True)
class Guarded:
    """A target that somebody else runs, and what lets one in."""

    portal: str
    user: str
    secret: str
    mutual_user: str
    mutual_secret: str

    @property
    def secrets(self) -> tuple[bytes, bytes]:
        return self.secret.encode(), self.mutual_secret.encode()

    @property
    def environment(self) -> dict[str, str]:
        return {
            "ISCSI_ASSAY_CHAP_USER": self.user,
            "ISCSI_ASSAY_CHAP_SECRET": self.secret,
            "ISCSI_ASSAY_MUTUAL_USER": self.mutual_user,
            "ISCSI_ASSAY_MUTUAL_SECRET": self.mutual_secret,
        }


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """A reference target with secrets that nobody else has, none in a command line."""
    credentials = Guarded("", "somebody", token_hex(8), "target", token_hex(8))
    file = tmp_path_factory.mktemp("guarded") / "target.toml"
    file.write_text(CONFIGURATION.format(name=NAME, **asdict(credentials)))
    command = [sys.executable, "-m", "reftarget", "--config", str(file)]
    with subprocess.Popen(
        [*command, "--exit-with-stdin", "--quiet"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    ) as process:
        assert process.stdout is not None
        ready, portal, *_ = process.stdout.readline().split()
        assert ready == "ready"
        yield replace(credentials, portal=portal)
        process.kill()


@contextmanager
def cores() -> Iterator[None]:
    """Let what runs meanwhile leave cores, unless it sees to that itself."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))


def failing_run(
    folder: Path, results: Path, where: str, workers: int
) -> subprocess.CompletedProcess[str]:
    return run(
        *("-o", "python_files=sample_*.py", "--full-failures", "-l", "-vv"),
        *(f"--alluredir={results}", f"--junit-xml={folder / 'junit.xml'}"),
        *(f"--verdicts={folder / 'run.json'}", f"--log-file={folder / 'log'}"),
        *("--log-level=DEBUG", f"--target={where}", f"-n{workers}"),
        path="tests/suites/samples/sample_secrets.py",
        ASSAY_NOTES=str(folder),
    )


@pytest.fixture(scope="module", params=["environment", "URL", "file"])
def left(
    request: pytest.FixtureRequest,
    guarded: Guarded,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """All that a failing run leaves, with pages made of it."""
    folder = tmp_path_factory.mktemp("left")
    place, values, workers = f"iscsi://{guarded.portal}/{NAME}", guarded.environment, 1
    if request.param == "URL":
        place = (
            f"iscsi://{guarded.user}%{guarded.secret}@{guarded.portal}/{NAME}"
            f"?target_user={guarded.mutual_user}"
            f"&target_password={guarded.mutual_secret}"
        )
        values, workers = {}, 0
    if request.param == "file":
        # Not in the folder with the remaining files.
        path = tmp_path_factory.mktemp("described") / "box.toml"
        path.write_text(FILE.format(name=NAME, **asdict(guarded)))
        path.chmod(0o600)
        place, values = str(path), {}
    results = folder / "allure-results"
    with cores(), pytest.MonkeyPatch.context() as patch:
        for name, value in values.items():
            patch.setenv(name, value)
        result = failing_run(folder, results, place, workers)
    assert result.returncode == 1, result.stdout
    assert "5 failed, 1 passed" in result.stdout
    (folder / "terminal").write_text(result.stdout + result.stderr)
    for command in (
        ("statement", str(results)),
        ("findings", str(results), "-o", str(folder / "findings.md")),
    ):
        subprocess.run([*REPORTS, *command], cwd=ROOT, check=True)
    if shutil.which("npm"):
        html.build(results, folder / "report")
    if request.param == "URL":
        # A secret on the command line shows in the process list; that is the user's
        # choice.
        (folder / "processes.txt").unlink()
        assert "give it as ISCSI_ASSAY_CHAP_SECRET" in result.stdout
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    data = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert {"terminal", "junit.xml", "run.json", "log", "findings.md"} <= set(data)
    assert any(name.endswith("-attachment.pcapng") for name in data)
    assert any(name.startswith("bundles/") for name in data)
    return data


def test_no_secret_is_left(left: Path, guarded: Guarded) -> None:
    contents_left = contents(left)
    for secret in guarded.secrets:
        for form in (secret, secret.hex().encode()):
            assert not [name for name, data in contents_left.items() if form in data]


def test_no_proof_is_left(left: Path, guarded: Guarded) -> None:
    """What answers a challenge that is left lets anybody guess the secret offline."""
    contents_left = contents(left)
    printed = b"\n".join(contents_left.values())
    assert b"(left out)" in contents_left["terminal"]
    challenges = {
        text.parse_binary(one.decode())
        for one in re.findall(rb"CHAP_C=(0x[0-9a-f]+)", printed)
    }
    assert challenges
    for challenge, number, secret in product(challenges, range(256), guarded.secrets):
        proof = chap.response(chap.Algorithm.MD5, number, secret, challenge)
        for form in (proof, proof.hex().encode(), repr(proof)[2:-1].encode()):
            assert form not in printed


def test_no_core_is_left(left: Path) -> None:
    assert (left / "core.txt").read_text() == "0"
