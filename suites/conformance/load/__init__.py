# SPDX-License-Identifier: GPL-2.0-only
"""Checks of the area load."""
