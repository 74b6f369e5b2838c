# SPDX-License-Identifier: GPL-2.0-only
"""The faults that the robustness suite must notice: one for each family of stimuli.

They are separate from the other faults: their requirements are in `spec/robustness`,
and each names the checks whose stimuli trigger it.
"""

from typing import Final

from reftarget.faults.robustness_pdus import OF_PDUS
from reftarget.faults.robustness_requests import OF_REQUESTS
from reftarget.variants import by_name

ROBUSTNESS_FAULTS: Final = by_name((*OF_PDUS, *OF_REQUESTS))
"""Every fault of the robustness suite, by its name."""
