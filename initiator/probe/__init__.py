# SPDX-License-Identifier: GPL-2.0-only
"""What a target offers, found out by logins and by commands that change nothing."""
