# SPDX-License-Identifier: GPL-2.0-only
"""A plugin of pytest that has LIO's machines load the module assay_provoke.

A sample would say it too late: the machine starts before samples are collected.
"""

from targets.lio import guest

guest.MODULES = (*guest.MODULES, "assay_provoke")  # type: ignore[assignment]
