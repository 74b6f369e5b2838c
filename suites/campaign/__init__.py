# SPDX-License-Identifier: GPL-2.0-only
"""A campaign: recorded exchanges, changed at random and sent for a given time."""
