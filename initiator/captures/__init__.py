# SPDX-License-Identifier: GPL-2.0-only
"""What passed, as files and as words: captures written, read, watched and told."""
