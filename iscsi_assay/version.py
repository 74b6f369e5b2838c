# SPDX-License-Identifier: GPL-2.0-only
"""The version of the toolkit."""

from importlib import metadata

DISTRIBUTION = "iscsi-assay"


def version() -> str:
    """Return the installed version, or the revision of a clone."""
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return "of a clone that is not installed"
