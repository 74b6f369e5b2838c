# SPDX-License-Identifier: GPL-2.0-only
"""A target of the user's own: described by a file, reached, never started by us."""

from targets.own.provider import OwnProvider, read

__all__ = ["SUFFIX", "OwnProvider", "read"]

SUFFIX = ".toml"
"""How the name of a target file ends; by that --target tells it from a kind."""
