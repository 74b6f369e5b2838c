# SPDX-License-Identifier: GPL-2.0-only
"""Becomes another program, which dies with its parent.

Run as a script, `python -I -S leash.py PARENT_PID PROGRAM [ARGUMENT…]`: a separate
program instead of a preexec_fn, so that a parent with threads can use it safely.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def hold() -> None:
    """Ask the kernel to kill this process with its parent."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")


def main(argv: list[str]) -> None:
    """Request the signal, then run the program."""
    parent, command = int(argv[1]), argv[2:]
    hold()
    # If the parent died before the request to the kernel, no signal arrives.
    if os.getppid() != parent:
        sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606  # no shell is wanted


if __name__ == "__main__":
    main(sys.argv)
