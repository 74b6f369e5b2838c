# SPDX-License-Identifier: GPL-2.0-only
"""The checks of what no initiator should be able to do."""
