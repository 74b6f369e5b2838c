# SPDX-License-Identifier: GPL-2.0-only
"""The whole suite on the reference target, whatever the two choose to negotiate.

These are targets that make other choices: a check that fails here assumed one.
"""

import pytest

from tests.suites.runs import run

pytestmark = pytest.mark.integration

CONFIGURATIONS = {
    "digests-level-1-solicited": [
        "--offer=HeaderDigest=CRC32C",
        "--offer=DataDigest=CRC32C",
        "--offer=ErrorRecoveryLevel=1",
        "--offer=ImmediateData=No",
        "--offer=InitialR2T=Yes",
    ],
    "level-2-all-kinds-of-data-shortest-segments": [
        "--offer=ErrorRecoveryLevel=2",
        "--offer=ImmediateData=Yes",
        "--offer=InitialR2T=No",
        "--offer=MaxRecvDataSegmentLength=512",
        "--key=MaxRecvDataSegmentLength=512",
    ],
    "unsolicited-only-longest-segments": [
        "--offer=ImmediateData=No",
        "--offer=InitialR2T=No",
        "--offer=MaxRecvDataSegmentLength=16777215",
        "--key=MaxRecvDataSegmentLength=16777215",
    ],
    "no-options": [
        "--key=HeaderDigest=None",
        "--key=DataDigest=None",
        "--key=MaxConnections=1",
        "--key=ErrorRecoveryLevel=0",
        "--key=ImmediateData=No",
        "--key=InitialR2T=Yes",
    ],
}
"""Each choice is in one of them: a run of the whole suite for each takes too long."""


# Over six hundred checks whose data fits one PDU each way: one configuration will do.
_ONCE = "suites/conformance/reservations"


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_every_check_passes(name: str) -> None:
    process = run(
        "--target=reference",
        "-q",
        "--tb=short",
        *CONFIGURATIONS[name],
        *(() if name.startswith("digests") else (f"--ignore={_ONCE}",)),
        path="suites/conformance",
        seconds=600,
    )

    assert process.returncode == 0, process.stdout[-6000:]
