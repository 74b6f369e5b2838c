# SPDX-License-Identifier: GPL-2.0-only
"""The Linux kernel's initiator: open-iscsi and multipath-tools."""

from vmlab.guest import Guest, quoted

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
    # multipathd names devices by what these find out.
    "lib/udev/rules.d/55-dm.rules",
    "lib/udev/rules.d/56-dm-mpath.rules",
    "lib/udev/rules.d/60-persistent-storage.rules",
    "lib/udev/rules.d/95-dm-notify.rules",
    # They are loaded by name.
    "lib/*/libgcc_s.so.1",
    "lib/multipath/libchecktur.so",
    "lib/multipath/libprioconst.so",
    "lib/multipath/libprioalua.so",
)

_ISCSID = """
iscsid.startup = /sbin/iscsid
node.startup = manual
node.session.scan = auto
node.session.timeo.replacement_timeout = 120
node.session.initial_login_retry_max = 2
node.conn[0].timeo.login_timeout = 15
node.conn[0].timeo.logout_timeout = 15
node.conn[0].timeo.noop_out_interval = 5
node.conn[0].timeo.noop_out_timeout = 10
"""

_MULTIPATH = """
defaults {
    find_multipaths yes
    path_selector "round-robin 0"
    path_grouping_policy multibus
    failback immediate
    no_path_retry queue
    polling_interval 1
    max_polling_interval 2
}
blacklist {
    devnode "^vd"
}
"""

_FOLDERS = (
    *("etc/iscsi", "etc/multipath", "etc/udev/rules.d"),
    *("run/lock/iscsi", "run/udev", "sbin", "mnt"),
)


def guest() -> Guest:
    """Return a guest that serves nothing and logs in wherever it is told to."""
    return Guest(
        "client",
        MODULES,
        "\n".join(_setup()),
        (),
        programs=PROGRAMS,
        packages=PACKAGES,
        files=FILES,
        folders=_FOLDERS,
    )


def _setup() -> list[str]:
    files = {
        # iscsid obeys the user root alone, and looks the name up.
        "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
        "/etc/group": "root:x:0:\n",
        "/etc/iscsi/initiatorname.iscsi": f"InitiatorName={INITIATOR}\n",
        "/etc/iscsi/iscsid.conf": _ISCSID,
        "/etc/multipath.conf": _MULTIPATH,
    }
    return [
        *(f"printf %s {quoted(text)} > {path}" for path, text in files.items()),
        "ln -sfn /run/lock /var/lock",
        "syslogd -O /tmp/messages",
        # Messages of lost connections would stand in the midst of a command's output;
        # dmesg shows them. A crash is still said aloud.
        "dmesg -n 3",
        "ln -s /bin/udevadm /sbin/systemd-udevd",
        "systemd-udevd --daemon",
        "iscsid",
        "multipathd",
    ]
