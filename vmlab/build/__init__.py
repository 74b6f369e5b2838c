# SPDX-License-Identifier: GPL-2.0-only
"""Kernels and modules, built from source."""
