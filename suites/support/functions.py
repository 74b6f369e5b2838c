# SPDX-License-Identifier: GPL-2.0-only
"""Task management functions that a target may do without."""

import pytest

from initiator.session import Session
from iscsi.constants import TMFunction, TMResponse
from suites.plugins.sessions import clear_unit_attention


def skip_unless_supported(session: Session, function: TMFunction) -> None:
    """Skip the check where a function of an idle session is not supported."""
    answer = session.task_management(function)
    if answer.response == TMResponse.FUNCTION_NOT_SUPPORTED:
        pytest.skip(f"not applicable: the target does not support {function.name}")
    # A reset is told to whoever asks next.
    clear_unit_attention(session)
