# SPDX-License-Identifier: GPL-2.0-only
"""A bounded, scriptable iSCSI initiator that can also misbehave on purpose.

PYTEST_DONT_REWRITE: programs import it before pytest, which would print a warning.
"""
