# SPDX-License-Identifier: GPL-2.0-only
"""A matrix of kernels, additions and configurations; a row is tested on its own.

`iscsi-assay lab matrix` is this package's command (see `vmlab.extension`).
"""

from suites.matrix.command import extend

__all__ = ["extend"]
