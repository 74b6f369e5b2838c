# SPDX-License-Identifier: GPL-2.0-only
"""The SCSI device server: logical units, commands and reservations."""
