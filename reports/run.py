# SPDX-License-Identifier: GPL-2.0-only
"""Reads and writes `run.json`, the file form of `reports.model.Run`."""

import subprocess
from pathlib import Path

import msgspec

from reports.model import FORMAT, Run
from reports.suites import ROOT

NAME = "run.json"
"""The name of the file beside Allure's results."""

_FAMILY = "iscsi-assay-run-"

MOST_BYTES = 256 << 20
"""The maximum size of the file in bytes: all checks of the suite need some MiB."""


class RunFileError(Exception):
    """A file does not hold a run; the message is one line that says what to do."""


class _Head(msgspec.Struct):
    """The fields that identify the format of a file."""

    format: str = ""


def write(path: Path, run: Run) -> None:
    """Write a run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(encode(run), indent=1) + b"\n")


def try_to_write(path: Path) -> None:
    """Check that a run can be written, without changing an existing file.

    Raises:
        OSError: it cannot.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    is_new = not path.exists()
    path.open("ab").close()
    if is_new:
        path.unlink()


def encode(value: msgspec.Struct) -> bytes:
    """Return a value as JSON.

    Lone surrogates, in which Python keeps invalid UTF-8, become escapes, since JSON
    cannot express them.
    """
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return msgspec.json.encode(_encodable(msgspec.to_builtins(value)))


def _encodable(value: object) -> object:
    """Return plain data without lone surrogates."""
    match value:
        case str():
            return value.encode(errors="backslashreplace").decode()
        case dict():
            return {_encodable(key): _encodable(item) for key, item in value.items()}
        case list() | tuple():
            return [_encodable(item) for item in value]
    return value


def read(path: Path) -> Run:
    """Read a run, from its file or from its folder.

    Raises:
        RunFileError: there is no run, or it is incomplete or has another format.
    """
    file = path / NAME if path.is_dir() else path
    try:
        with file.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise RunFileError(_absent(path)) from None
    except OSError as error:
        raise RunFileError(f"{file}: {error.strerror}") from error
    if len(content) > MOST_BYTES:
        raise RunFileError(f"{file} holds more than {MOST_BYTES >> 20} MiB")
    return decode(content, file)


def decode(content: bytes, file: Path) -> Run:
    """Return a run from the content of its file.

    Args:
        content: what is in the file.
        file: what to call it.

    Raises:
        RunFileError: it is incomplete or has another format.
    """
    _examine(file, content)
    try:
        return msgspec.json.decode(content, type=Run)
    except (msgspec.DecodeError, RecursionError) as error:
        raise RunFileError(f"{file} is damaged: {error}") from error


def _absent(path: Path) -> str:
    if not path.exists():
        return f"{path} does not exist: give the folder of --alluredir"
    return (
        f"{path} holds no {NAME}: name the folder of --alluredir, or the file "
        "of --verdicts; a run writes it when it ends"
    )


def _examine(file: Path, content: bytes) -> None:
    """Reject files that are not runs of this version.

    Raises:
        RunFileError: the file is not such a run; one line says why.
    """
    try:
        head = msgspec.json.decode(content, type=_Head)
    except msgspec.ValidationError as error:
        raise RunFileError(
            f"{file} is not a run of this toolkit: it has no format"
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        is_ours = _FAMILY.encode() in content[:200]
        what = "is cut short or damaged" if is_ours else "is not a run of this toolkit"
        raise RunFileError(f"{file} {what}: {error}") from error
    if head.format == FORMAT:
        return
    if head.format.startswith(_FAMILY):
        raise RunFileError(
            f"{file} has the format {head.format[:80]!r} of another version, this one "
            f"reads {FORMAT}: run the suite again"
        )
    raise RunFileError(
        f"{file} is not a run of this toolkit: its format is not {FORMAT}"
    )


def revision() -> str:
    """Return the toolkit's revision, or an empty text outside a checkout.

    A run continues without it if git takes too long, as on a busy machine.
    """
    if not (ROOT / ".git").exists():
        # The environment may be in the clone of another project.
        return ""
    try:
        process = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--tags"],  # noqa: S607
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return process.stdout.strip()
