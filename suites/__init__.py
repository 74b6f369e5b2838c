# SPDX-License-Identifier: GPL-2.0-only
"""The pytest suites that judge a target."""
