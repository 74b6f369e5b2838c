# SPDX-License-Identifier: GPL-2.0-only
"""What is negotiated, combined: covering arrays, the row of a check, the smallest set.

Nothing here knows pytest or a target.
"""
