# SPDX-License-Identifier: GPL-2.0-only
"""`python -m targets`: it alone in this package knows the initiator and the suites.

The commands are in `suites/probe.py`.
"""

import sys

from suites.probe import main

if __name__ == "__main__":
    sys.exit(main())
