# SPDX-License-Identifier: GPL-2.0-only
"""The checks of RFC 7143 and of the SCSI standards that it depends on, by area."""
