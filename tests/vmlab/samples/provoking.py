# SPDX-License-Identifier: GPL-2.0-only
"""A plugin of pytest that has LIO's machines load the module assay_provoke.

A sample would say it too late: the machine starts before samples are collected.
"""

from vmlab.guests import lio

lio.MODULES = (*lio.MODULES, "assay_provoke")  # type: ignore[assignment]
