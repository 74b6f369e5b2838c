# SPDX-License-Identifier: GPL-2.0-only
"""The Linux kernel's initiator: open-iscsi and multipath-tools."""

from pathlib import Path

from vmlab.guest import Guest, script

INITIATOR = "iqn.2026-11.org.iscsi-assay:client"
"""The initiator name that it has."""

GATEWAY = "10.0.2.2"
"""The guest's name for 127.0.0.1 of the host (QEMU's user networking)."""

MODULES = ("iscsi_tcp", "sd_mod", "dm_multipath", "dm_round_robin", "scsi_dh_alua")
PACKAGES = (
    *("open-iscsi", "libopeniscsiusr", "libisns0"),
    *("multipath-tools", "liburcu8", "libaio1"),
    *("dmsetup", "libdevmapper1.02.1", "udev", "libgcc-s1"),
)
PROGRAMS = (
    *("iscsid", "iscsiadm", "multipathd", "multipath", "dmsetup", "udevadm"),
    "mkfs.ext4",
    "e2fsck",
)
FILES = (
    "lib/udev/scsi_id",
    # multipathd names devices by the results of these programs.
    "lib/udev/rules.d/55-dm.rules",
    "lib/udev/rules.d/56-dm-mpath.rules",
    "lib/udev/rules.d/60-persistent-storage.rules",
    "lib/udev/rules.d/95-dm-notify.rules",
    # The kernel loads these modules by name.
    "lib/*/libgcc_s.so.1",
    "lib/multipath/libchecktur.so",
    "lib/multipath/libprioconst.so",
    "lib/multipath/libprioalua.so",
)

_HERE = Path(__file__).parent
_FOLDERS = (
    *("etc/iscsi", "etc/multipath", "etc/udev/rules.d"),
    *("run/lock/iscsi", "run/udev", "sbin", "mnt"),
)


def guest() -> Guest:
    """Return a guest that is only an initiator, controlled over its console."""
    return Guest(
        "client",
        MODULES,
        script(_HERE / "setup.sh"),
        (),
        programs=PROGRAMS,
        packages=PACKAGES,
        files=FILES,
        folders=_FOLDERS,
        texts={
            # iscsid obeys only the user root, and looks up that name.
            "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
            "/etc/group": "root:x:0:\n",
            "/etc/iscsi/initiatorname.iscsi": f"InitiatorName={INITIATOR}\n",
            "/etc/iscsi/iscsid.conf": (_HERE / "iscsid.conf").read_text(),
            "/etc/multipath.conf": (_HERE / "multipath.conf").read_text(),
        },
    )
