# SPDX-License-Identifier: GPL-2.0-only
"""A user's own target, which a file describes; a run does not start it."""

from targets.own.provider import OwnProvider, read

__all__ = ["SUFFIX", "OwnProvider", "read"]

SUFFIX = ".toml"
"""The suffix of a target file, which distinguishes it from a kind in --target."""
