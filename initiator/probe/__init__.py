# SPDX-License-Identifier: GPL-2.0-only
"""Probes what a target offers, by logins and by commands that change nothing."""
