# SPDX-License-Identifier: GPL-2.0-only
"""A small, correct iSCSI target with switchable faults."""
