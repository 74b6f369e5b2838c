# SPDX-License-Identifier: GPL-2.0-only
"""Checks that attack by pdus."""
