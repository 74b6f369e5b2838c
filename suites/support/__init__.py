# SPDX-License-Identifier: GPL-2.0-only
"""What several checks of an area share."""
