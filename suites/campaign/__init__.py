# SPDX-License-Identifier: GPL-2.0-only
"""A campaign: recorded exchanges, changed by chance and sent for a time."""
