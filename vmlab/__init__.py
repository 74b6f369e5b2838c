# SPDX-License-Identifier: GPL-2.0-only
"""QEMU machines that run targets (the lab)."""
