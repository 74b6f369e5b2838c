# SPDX-License-Identifier: GPL-2.0-only
"""What can be tested: one provider a kind of target."""
