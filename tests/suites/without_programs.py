# SPDX-License-Identifier: GPL-2.0-only
"""A pytest plugin: a machine on which no daemon is installed."""

import vmlab.tool

vars(vmlab.tool)["SBIN"] = ""
