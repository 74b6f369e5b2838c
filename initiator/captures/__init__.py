# SPDX-License-Identifier: GPL-2.0-only
"""Captures: writes, reads, follows and describes the traffic of connections."""
