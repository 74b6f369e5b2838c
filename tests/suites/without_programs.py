# SPDX-License-Identifier: GPL-2.0-only
"""A pytest plugin: a machine on which no daemon is installed."""

import targets.process

vars(targets.process)["_DAEMON_DIRECTORIES"] = ()
