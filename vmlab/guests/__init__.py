# SPDX-License-Identifier: GPL-2.0-only
"""What runs within a machine: the target's software and how it is set up there."""
