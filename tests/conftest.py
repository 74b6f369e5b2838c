# SPDX-License-Identifier: GPL-2.0-only
"""Settings of all tests."""

from hypothesis import settings

# How long an example takes is the machine's affair.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
