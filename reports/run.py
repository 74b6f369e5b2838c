# SPDX-License-Identifier: GPL-2.0-only
"""A run on file: the target, every check's verdict, and the PDUs of what is amiss."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from reports.verdicts import Judged, Verdict

FORMAT = "iscsi-assay-run-1"
NAME = "run.json"
"""What the file is called beside Allure's results."""


class RunFileError(Exception):
    """A file that holds no run; one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Run:
    """All that is known of one run."""

    checks: list[Judged]
    environment: Mapping[str, str] = field(default_factory=dict)
    """What is known of the target, such as target.version."""
    toolkit: str = ""
    """The revision of this toolkit."""
    started: str = ""
    """When it began, in ISO 8601, UTC."""
    seconds: float = 0.0

    @property
    def kind(self) -> str:
        """The kind of target."""
        return self.environment.get("target", "unknown")

    @property
    def name(self) -> str:
        """The target and its version, to tell runs apart."""
        version = self.environment.get("target.version", "")
        return f"{self.kind} {version}".strip()


def write(path: Path, run: Run) -> None:
    """Write a run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"format": FORMAT, **asdict(run)}
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")


def read(path: Path) -> Run:
    """Read a run, from its file or from the folder that it is in.

    Raises:
        RunFileError: there is none, or it is of another format.
    """
    file = path / NAME if path.is_dir() else path
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunFileError(
            f"{path} holds no {NAME}: give the folder that --alluredir named, or the "
            "file of --verdicts"
        ) from None
    except OSError as error:
        raise RunFileError(f"{file}: {error.strerror}") from error
    except ValueError as error:
        raise RunFileError(f"{file} is no run of this toolkit: {error}") from error
    return _run(file, content)


def _run(file: Path, content: Any) -> Run:
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise RunFileError(f"{file} is no run of this toolkit, or one of an older one")
    try:
        checks = [
            Judged(
                **{
                    **row,
                    "verdict": Verdict(row["verdict"]),
                    "requirements": tuple(row["requirements"]),
                    "choices": tuple(row.get("choices", ())),
                    "crashes": tuple(row.get("crashes", ())),
                }
            )
            for row in content["checks"]
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise RunFileError(f"{file} is damaged: {error!r}") from error
    others = {
        name: content[name]
        for name in ("environment", "toolkit", "started", "seconds")
        if name in content
    }
    return Run(checks, **others)


def revision() -> str:
    """Return the toolkit's revision, or nothing outside a checkout."""
    root = Path(__file__).parents[1]
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--tags"],  # noqa: S607
            cwd=root,
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except OSError:
        return ""
    return done.stdout.strip()
