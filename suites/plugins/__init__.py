# SPDX-License-Identifier: GPL-2.0-only
"""The pytest plugins of the suites."""
