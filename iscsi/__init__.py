# SPDX-License-Identifier: GPL-2.0-only
"""The iSCSI protocol (RFC 7143, RFC 7144) without I/O, clock or threads.

PYTEST_DONT_REWRITE: programs import it before pytest, which would print a warning.
"""
