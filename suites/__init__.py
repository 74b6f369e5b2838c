# SPDX-License-Identifier: GPL-2.0-only
"""The pytest suites that judge a target.

PYTEST_DONT_REWRITE: programs import it before pytest, which would print a warning.
"""
