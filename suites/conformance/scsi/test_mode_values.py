# SPDX-License-Identifier: GPL-2.0-only
"""The values of mode pages after a reset (SPC-4 section 6.11).

What MODE SENSE returns as current values is what the last MODE SELECT has set. Without
one since the last reset it is the saved values, or where none are saved the defaults.
"""

import pytest

from initiator.expect import check, expect_good
from initiator.session import Session
from iscsi.constants import TMFunction, TMResponse
from iscsi.scsi.mode import ModePage, PageControl
from suites.plugins.sessions import Disk
from suites.support.functions import ask_function
from suites.support.modes import (
    SENSES,
    Setting,
    mode_data,
    page_alone,
    saved_values,
    sense_page,
    values_of,
)

PAGES = (
    ModePage.READ_WRITE_ERROR_RECOVERY,
    ModePage.CACHING,
    ModePage.CONTROL,
    ModePage.INFORMATIONAL_EXCEPTIONS_CONTROL,
)


def page_name(code: ModePage) -> str:
    """Return the test ID of a page."""
    return code.name.lower().replace("_", "-")


def first_values(session: Session, code: ModePage, size: int) -> dict[str, int]:
    """Return the values of a page after a reset: the saved ones, or the defaults."""
    data = saved_values(session, code, size)
    if data is None:
        data = mode_data(session, size, code, PageControl.DEFAULT)
    return values_of(page_alone(data, code))


def reset(session: Session) -> None:
    """Reset the unit; skip where the target does not do so."""
    answer = ask_function(session, TMFunction.LOGICAL_UNIT_RESET)
    if answer.response != TMResponse.FUNCTION_COMPLETE:
        pytest.skip("not applicable: the target does not reset the unit")
    session.clear_unit_attention()


def expect_values(
    session: Session, code: ModePage, size: int, expected_value: object
) -> None:
    """Expect the current values of a page.

    Raises:
        ConformanceFailure: they are others; it names the fields.
    """
    __tracebackhide__ = True
    assert isinstance(expected_value, dict)
    values = values_of(page_alone(mode_data(session, size, code), code))
    wrong = {
        name.upper(): number
        for name, number in values.items()
        if number != expected_value[name]
    }
    expected = {name: expected_value[name.lower()] for name in wrong}
    check(not wrong, f"after the reset {expected}", wrong, field=", ".join(wrong))


@pytest.mark.requirement("SPC4-6.11-08")
@pytest.mark.parametrize("size", SENSES)
@pytest.mark.parametrize("code", PAGES, ids=page_name)
def test_a_reset_restores_the_initial_values(
    session: Session, scratch_disk: Disk, code: ModePage, size: int
) -> None:
    """After a reset a page has its saved values, or its defaults if none are saved."""
    assert scratch_disk.blocks
    expected_value = first_values(session, code, size)

    reset(session)

    expect_values(session, code, size, expected_value)


@pytest.mark.requirement("SPC4-6.11-08")
def test_a_reset_undoes_a_change(session: Session, setting: Setting) -> None:
    """A reset discards a value that MODE SELECT changed without saving it."""
    expected_value = first_values(session, ModePage.CONTROL, 6)
    now = values_of(sense_page(session))["d_sense"]
    expect_good(setting(d_sense=1 - now))

    reset(session)

    expect_values(session, ModePage.CONTROL, 6, expected_value)
