# SPDX-License-Identifier: GPL-2.0-only
"""SCST: its sources, its patches for kernels, its build and its configuration."""
