# SPDX-License-Identifier: GPL-2.0-only
"""A small, correct iSCSI target with switchable faults.

PYTEST_DONT_REWRITE: programs import it before pytest, which would print a warning.
"""
