# SPDX-License-Identifier: GPL-2.0-only
"""From what happened in a check to its verdict. Nothing here knows pytest."""
