# SPDX-License-Identifier: GPL-2.0-only
"""Allure results, requirement coverage and summaries."""
