# SPDX-License-Identifier: GPL-2.0-only
"""QEMU machines that run targets (the lab).

PYTEST_DONT_REWRITE: programs import it before pytest, which would print a warning.
"""
