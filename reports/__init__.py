# SPDX-License-Identifier: GPL-2.0-only
"""Allure results, requirement coverage and summaries.

PYTEST_DONT_REWRITE: programs import it before pytest, which would print a warning.
"""
