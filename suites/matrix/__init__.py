# SPDX-License-Identifier: GPL-2.0-only
"""Many kernels, additions and configurations: each is a row, built and tested alone.

`iscsi-assay lab matrix` is this package's command (see `vmlab.extension`).
"""

from suites.matrix.command import extend

__all__ = ["extend"]
