# SPDX-License-Identifier: GPL-2.0-only
"""SCSI as iSCSI carries it: CDBs, sense, parameter data (SPC-4, SBC-3)."""
