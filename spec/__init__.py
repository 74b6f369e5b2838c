# SPDX-License-Identifier: GPL-2.0-only
"""What must be true of a target: the requirements, as data."""
