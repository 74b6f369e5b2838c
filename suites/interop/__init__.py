# SPDX-License-Identifier: GPL-2.0-only
"""The checks of a target with the Linux kernel's initiator."""
