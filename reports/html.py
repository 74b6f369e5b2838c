# SPDX-License-Identifier: GPL-2.0-only
"""The HTML report: Allure's generator, fetched once and run on the results of a run.

Version 3 needs Node.js and npm, version 2 also Java. The report is a single file, since
only that form opens from disk. If neither version is available, a message says how to
view the results.
"""

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from reports.categories import by_label
from reports.suites import ROOT

TOOLS = (
    ROOT / ".tools"
    if (ROOT / "pyproject.toml").exists()
    else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    / "iscsi-assay-reports"
)
"""The folder in which Allure is installed: in a clone, else in the user's cache."""

MIN_NODE = 18
_LOCKED = Path(__file__).parent / "npm"
_INSTALL_SECONDS = 300
_GENERATE_SECONDS = 300

_HEAD = re.compile(r"<head\b[^>]*>")
_COUNTER = re.compile(
    r'<script[^>]+src="https?://[^"]*"[^>]*>\s*</script>'
    r"(\s*<script>\s*window\.dataLayer\b.*?</script>)?",
    re.DOTALL,
)
"""A script from a server, and the script that configures it."""

_POLICY = (
    '<meta http-equiv="Content-Security-Policy" content="default-src data: blob: '
    "'unsafe-inline' 'unsafe-eval'\">"
)


class NoResults(Exception):
    """A folder without Allure results; one line."""


class ReportError(Exception):
    """Why there is no report, and what to do, in one line."""


@dataclass(frozen=True, slots=True)
class Generator:
    """A version of Allure from the npm registry."""

    package: str
    version: str
    binary: str

    @property
    def locked(self) -> Path:
        """The folder with its package.json and its lock file."""
        return _LOCKED / self.package

    @property
    def folder(self) -> Path:
        """The folder in which it is installed."""
        return TOOLS / f"{self.package}-{self.version}"

    @property
    def program(self) -> Path:
        """Its executable."""
        return self.folder / "node_modules" / ".bin" / self.binary


ALLURE_3 = Generator("allure", "3.18.0", "allure")
ALLURE_2 = Generator("allure-commandline", "2.46.1", "allure")


def has_results(results: Path) -> bool:
    """Tell whether a folder holds Allure results."""
    return any(results.glob("*-result.json"))


def build(results: Path, output: Path) -> Path:
    """Build the report of some results; return the page's path.

    Raises:
        ReportError: it cannot be built; the results are not changed.
    """
    generator = _choose()
    _install(generator)
    # The generator runs in another folder, so relative paths would be wrong.
    results, output = results.resolve(), output.resolve()
    shutil.rmtree(output, ignore_errors=True)
    output.parent.mkdir(parents=True, exist_ok=True)
    history = output.parent / "history.jsonl"
    if generator is ALLURE_3:
        command = [
            *(str(generator.program), "awesome", "--single-file"),
            *("--config", str(_configuration(results))),
            *("--report-name", _title(results)),
            *("--group-by", "epic,feature,story"),
            *("--history-path", str(history)),
            *("-o", str(output), str(results)),
        ]
    else:
        command = [
            *(str(generator.program), "generate", "--single-file"),
            *("-o", str(output), str(results)),
        ]
    _run(command, output.parent, _GENERATE_SECONDS)
    page = output / "index.html"
    if not page.is_file():
        raise ReportError(f"allure wrote no {page}")
    _seal(page)
    return page


def _configuration(results: Path) -> Path:
    """Write the file from which Allure 3 reads its categories; return its path.

    Version 2 reads them beside the results, version 3 only here.
    """
    path = results.parent / "allurerc.json"
    path.write_text(json.dumps({"categories": by_label()}, indent=2))
    return path


def _seal(page: Path) -> None:
    """Make a page load nothing from the network.

    Allure's pages load a script that counts their readers, and Allure has no option
    against it. The script is removed, and the page gets a policy with which a browser
    refuses anything that another version may load.

    Raises:
        ReportError: the page has no head for the policy.
    """
    text = page.read_text(encoding="utf-8")
    sealed, count = _HEAD.subn(lambda match: match[0] + _POLICY, text, count=1)
    if not count:
        raise ReportError(f"allure wrote a page without a head: {page}")
    page.write_text(_COUNTER.sub("", sealed), encoding="utf-8")


def _title(results: Path) -> str:
    """Return the title of the report."""
    path = results / "environment.properties"
    lines = path.read_text().splitlines() if path.is_file() else []
    facts = dict(line.partition("=")[::2] for line in lines)
    target = f"{facts.get('target', '')} {facts.get('target.version', '')}".strip()
    return f"iSCSI conformance: {target}" if target else "iSCSI conformance"


def _choose() -> Generator:
    """Return the version that this machine can run."""
    if shutil.which("npm") is None:
        raise ReportError(
            "the HTML report needs Node.js with npm. The results are complete: "
            "view them elsewhere with `npx allure awesome --single-file RESULTS`"
        )
    if _node_version() >= MIN_NODE:
        return ALLURE_3
    if shutil.which("java") is not None:
        return ALLURE_2
    raise ReportError(f"the HTML report needs Node.js {MIN_NODE} or newer, or Java")


def _node_version() -> int:
    node = shutil.which("node")
    if node is None:
        return 0
    try:
        process = subprocess.run(  # noqa: S603  # a fixed command
            [node, "--version"], capture_output=True, text=True, check=False, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    digits = process.stdout.strip().removeprefix("v").partition(".")[0]
    return int(digits) if digits.isdigit() else 0


def _install(generator: Generator) -> None:
    """Install a generator from its lock file, without running install scripts.

    The lock file has a digest for each package and no address: npm downloads them from
    the registry that this machine is configured with.
    """
    if generator.program.exists():
        return
    generator.folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(generator.locked / name, generator.folder)
    _run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"],
        generator.folder,
        _INSTALL_SECONDS,
    )
    if not generator.program.exists():
        package = f"{generator.package} {generator.version}"
        raise ReportError(f"npm installed {package} without its program")


def _run(command: list[str], folder: Path, seconds: int) -> None:
    try:
        process = subprocess.run(  # noqa: S603  # our own command line
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
            env={**os.environ, "CI": "true"},
        )
    except subprocess.TimeoutExpired as error:
        raise ReportError(f"{command[0]} did not end within {seconds} s") from error
    except OSError as error:
        raise ReportError(f"cannot run {command[0]}: {error.strerror}") from error
    if process.returncode:
        words = (process.stderr or process.stdout).strip().splitlines()
        last = words[-1] if words else "no message"
        name = Path(command[0]).name
        raise ReportError(f"{name} {command[1]} failed ({process.returncode}): {last}")
