# SPDX-License-Identifier: GPL-2.0-only
"""An interactive session with a target: PDU classes, CDBs, history, show()."""

import code
import importlib.util
import sys
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from initiator import expect
from initiator.login import LoginOptions
from initiator.session import Session
from initiator.transcript import Transcript
from iscsi import pdu
from iscsi.address import TargetURL
from iscsi.constants import LogoutReason, TaskAttribute, TMFunction
from iscsi.scsi import cdb

_HISTORY = Path.home() / ".iscsi_assay_history"
_BANNER = """iSCSI Assay: {name} at {portal}, TSIH {tsih:#x}
  session    the session: session.execute(cdb.inquiry(allocation_length=96), read=96)
             session.ping(b"x")  session.send(NOPOut(...))  session.receive()
  show()     the PDUs so far; show(5) the last five; last() the last one in full
  PDU classes by name (NOPOut, SCSICommand, ...), cdb, TMFunction, LogoutReason
"""


def names(session: Session) -> dict[str, Any]:
    """Return the names that the shell defines."""
    transcript = session.transcript

    def show(count: int | None = None) -> None:
        """Print the PDUs so far."""
        sys.stdout.write(transcript.render(count) + "\n")

    def last() -> None:
        """Print the last PDU field by field."""
        pdus = list(transcript.pdus())
        if pdus:
            pdus[-1].show()

    return {
        **{name: getattr(pdu, name) for name in pdu.__all__},
        "session": session,
        "cdb": cdb,
        "show": show,
        "last": last,
        "expect": expect,
        "TMFunction": TMFunction,
        "LogoutReason": LogoutReason,
        "TaskAttribute": TaskAttribute,
    }


def run(target: TargetURL) -> int:
    """Log in, run the console until the user leaves it, and log out.

    Raises:
        ISCSIError: the login fails.
    """
    proof = target.chap
    options = LoginOptions(
        target_name=target.name,
        credentials=None if proof is None else proof.credentials,
        mutual=None if proof is None else proof.mutual,
    )
    with Session(
        target.portal, options, transcript=Transcript(), lun=target.lun or 0
    ) as session:
        namespace = names(session)
        banner = _BANNER.format(
            name=target.name, portal=target.portal, tsih=session.login.tsih
        )
        if importlib.util.find_spec("IPython") is None:
            _plain(namespace, banner)
        else:
            _rich(importlib.import_module("IPython"), namespace, banner)
    return 0


def _rich(ipython: ModuleType, namespace: dict[str, Any], banner: str) -> None:
    sys.stdout.write(banner + "\n")
    ipython.start_ipython(argv=["--no-banner"], user_ns=namespace)


def _plain(namespace: dict[str, Any], banner: str) -> None:
    """Use Python's own console, with completion and history if it has readline."""
    with suppress(ImportError):
        import readline  # noqa: PLC0415  # not on every system
        import rlcompleter  # noqa: PLC0415  # likewise

        readline.set_completer(rlcompleter.Completer(namespace).complete)
        readline.parse_and_bind("tab: complete")
        with suppress(OSError):
            readline.read_history_file(_HISTORY)
    with suppress(SystemExit):  # exit() ends the shell like Ctrl-D
        code.interact(banner, local=namespace, exitmsg="")
    with suppress(ImportError, OSError):
        import readline  # noqa: PLC0415  # as above

        readline.write_history_file(_HISTORY)
