# SPDX-License-Identifier: GPL-2.0-only
"""`iscsi-assay targets`, also as `python -m targets`.

Only this module of the package imports the initiator and the suites; the commands are
in `suites/probe.py`.
"""

import sys

from suites.probe import main

if __name__ == "__main__":
    sys.exit(main())
