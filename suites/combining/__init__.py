# SPDX-License-Identifier: GPL-2.0-only
"""Combinations of negotiated values: covering arrays, a check's row, reduction.

Nothing here depends on pytest or a target.
"""
