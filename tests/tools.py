# SPDX-License-Identifier: GPL-2.0-only
"""Programs that integration tests need: a missing one skips a test, in CI fails it."""

import os
import shutil

import pytest

REQUIRE = "ISCSI_ASSAY_REQUIRE_TOOLS"
"""Set, it makes a missing program a failure."""

PACKAGES = {
    "tgtd": "tgt",
    "tgtadm": "tgt",
    "istgt": "istgt",
    "iscsi-ls": "libiscsi-bin",
    "iscsi-inq": "libiscsi-bin",
    "iscsi-perf": "libiscsi-bin",
    "iscsi-test-cu": "libiscsi-bin",
    "qemu-img": "qemu-utils and qemu-block-extra",
    "qemu-io": "qemu-utils and qemu-block-extra",
    "tshark": "tshark",
    "dumpcap": "tshark",
    "sg_inq": "sg3-utils",
    "sg_decode_sense": "sg3-utils",
    "sg_vpd": "sg3-utils",
    "chromium": "chromium",
    "shellcheck": "shellcheck",
    "zsh": "zsh",
    "fish": "fish",
    "qemu-system-x86_64": "what scripts/install-lab installs",
    "libvirtd": "what scripts/install-lab installs",
    "busybox": "busybox-static",
    "mmdebstrap": "what scripts/install-lab installs",
    "genext2fs": "what scripts/install-lab installs",
    "modprobe": "kmod",
    "parallel": "what scripts/install-lab installs",
    "rsync": "what scripts/install-lab installs",
    "sshd": "what scripts/install-lab installs",
    "ssh": "what scripts/install-lab installs",
    "slurmctld": "what scripts/install-lab installs",
    "slurmd": "what scripts/install-lab installs",
    "sbatch": "what scripts/install-lab installs",
    "munged": "what scripts/install-lab installs",
}

_SYSTEM_PATH = "/usr/sbin:/sbin"


def require(*programs: str) -> None:
    """Skip the test, or fail it in CI, where a program is missing."""
    path = f"{os.environ.get('PATH', '')}:{_SYSTEM_PATH}"
    for program in programs:
        if shutil.which(program, path=path) is None:
            missing(f"{program} is missing: install {PACKAGES.get(program, program)}")


def missing(reason: str) -> None:
    """Skip the test for something that is missing, or fail it in CI."""
    if os.environ.get(REQUIRE):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
