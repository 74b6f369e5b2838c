# SPDX-License-Identifier: GPL-2.0-only
"""The command `iscsi-assay`.

PYTEST_DONT_REWRITE: programs import it before pytest, which would warn of that.
"""
