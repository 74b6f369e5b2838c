# SPDX-License-Identifier: GPL-2.0-only
"""From the events of a check to its verdict. Nothing here depends on pytest."""
