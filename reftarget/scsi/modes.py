# SPDX-License-Identifier: GPL-2.0-only
"""The mode pages of a logical unit and their values."""

from collections.abc import Collection

from iscsi.scsi.mode import CACHING, CONTROL, STRUCTURES, ModePage, Page, PageControl
from reftarget.scsi.check_condition import invalid_field_in_parameter_list
from reftarget.scsi.rules import SCSI_RULES, ModeRules

_CHANGEABLE = {ModePage.CONTROL: CONTROL.build(swp=1, d_sense=1)[2:]}

PAGES = (
    ModePage.READ_WRITE_ERROR_RECOVERY,
    ModePage.CACHING,
    ModePage.CONTROL,
    ModePage.INFORMATIONAL_EXCEPTIONS_CONTROL,
)


class ModePages:
    """Current and default values; there are no saved ones."""

    __slots__ = ("_current", "_defaults", "_may_change", "d_sense", "swp")

    def __init__(
        self,
        *,
        is_cache_volatile: bool,
        absent: Collection[int] = (),
        rules: ModeRules = SCSI_RULES.modes,
    ) -> None:
        """Make the pages.

        Args:
            is_cache_volatile: whether a loss of power loses what the cache holds.
            absent: the codes of pages that there are not.
            rules: the decisions about the values.
        """
        self._may_change = _CHANGEABLE if rules.can_change else {}
        self._defaults = {page: bytes(STRUCTURES[page].length - 2) for page in PAGES}
        self._defaults[ModePage.CACHING] = CACHING.build(
            wce=is_cache_volatile and rules.shows_volatile_cache
        )[2:]
        # Commands of one nexus are executed in the order of their arrival, whatever
        # their attribute: unrestricted reordering is allowed but not used. QERR zero
        # and TAS zero are the defaults of SAM-5.
        self._defaults[ModePage.CONTROL] = CONTROL.build(
            queue_algorithm_modifier=rules.queue_algorithm_modifier,
            extended_self_test_completion_time=0,
            d_sense=rules.begins_with_descriptors,
            tst=rules.task_set_type,
        )[2:]
        for code in absent:
            self._defaults.pop(ModePage(code), None)
        self.d_sense = False
        self.swp = False
        self.reset()

    @property
    def codes(self) -> tuple[ModePage, ...]:
        """The pages that there are, in ascending order."""
        return tuple(self._defaults)

    def reset(self) -> None:
        """Return to the default values."""
        self._current = dict(self._defaults)
        self._apply()

    def _apply(self) -> None:
        if ModePage.CONTROL not in self._current:
            return
        control = CONTROL.parse(b"\0\0" + self._current[ModePage.CONTROL])
        self.d_sense = bool(control["d_sense"])
        self.swp = bool(control["swp"])

    def page(self, code: ModePage, control: PageControl) -> Page:
        """Return a page with the values that PC asks for."""
        if control is PageControl.CHANGEABLE:
            body = self._may_change.get(code, bytes(len(self._defaults[code])))
        elif control is PageControl.DEFAULT:
            body = self._defaults[code]
        else:
            body = self._current[code]
        return Page(code, body)

    def check(self, page: Page, offset: int) -> None:
        """Refuse a page that the unit lacks or that changes what cannot be changed.

        Args:
            page: what MODE SELECT brought.
            offset: where in the parameter list the page starts.
        """
        if page.subpage is not None or page.code not in self._current:
            raise invalid_field_in_parameter_list(offset, 5)
        current = self._current[ModePage(page.code)]
        if len(page.body) != len(current):
            raise invalid_field_in_parameter_list(offset + 1)
        mask = self._may_change.get(ModePage(page.code), bytes(len(current)))
        for index, (new, old, may) in enumerate(
            zip(page.body, current, mask, strict=True)
        ):
            if wrong := (new ^ old) & ~may & 0xFF:
                bit = wrong.bit_length() - 1
                raise invalid_field_in_parameter_list(offset + 2 + index, bit)

    def change(self, page: Page) -> bool:
        """Take a checked page; return whether anything changed."""
        code = ModePage(page.code)
        old = self._current[code]
        mask = self._may_change.get(code, bytes(len(old)))
        body = bytes(
            after & may | before & ~may & 0xFF
            for before, after, may in zip(old, page.body, mask, strict=True)
        )
        if body == old:
            return False
        self._current[code] = body
        self._apply()
        return True
