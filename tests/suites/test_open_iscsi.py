# SPDX-License-Identifier: GPL-2.0-only
"""What open-iscsi prints, as version 2.1.8 has printed it."""

from suites.interop import open_iscsi
from suites.interop.open_iscsi import Node, Path
from targets import Chap, Credentials

DISCOVERY = """\
127.0.0.1:23260,1 iqn.2001-04.com.example:assay.target
[fe80:0000:0000:0000:0000:0000:0000:0001]:3260,65535 iqn.2001-04.com.example:other
"""

SESSIONS = """\
iSCSI Transport Class version 2.0-870
version 2.1.8
Target: iqn.2001-04.com.example:assay.target (non-flash)
\tCurrent Portal: 10.0.2.2:23260,1
\tPersistent Portal: 10.0.2.2:23260,1
\t\t**********
\t\tInterface:
\t\t**********
\t\tIface Name: default
\t\tIface Netdev: default
\t\tSID: 1
\t\tiSCSI Connection State: LOGGED IN
\t\tiSCSI Session State: LOGGED_IN
\t\tInternal iscsid Session State: NO CHANGE
\t\t*****
\t\tCHAP:
\t\t*****
\t\tusername: user
\t\tpassword: ********
\t\t************************
\t\tNegotiated iSCSI params:
\t\t************************
\t\tHeaderDigest: CRC32C
\t\tDataDigest: None
\t\tMaxBurstLength: 1048576
\t\t************************
\t\tAttached SCSI devices:
\t\t************************
\t\tHost Number: 0\tState: running
\t\tscsi0 Channel 00 Id 0 Lun: 0
\t\t\tAttached scsi disk sda\t\tState: running
\t\tscsi0 Channel 00 Id 0 Lun: 1
\t\tscsi0 Channel 00 Id 0 Lun: 12
\t\t\tAttached scsi disk sdaa\t\tState: running
\tCurrent Portal: 10.0.2.2:23261,1
\tPersistent Portal: 10.0.2.2:23261,1
\t\tSID: 2
\t\tiSCSI Connection State: TRANSPORT WAIT
\t\tiSCSI Session State: FAILED
Target: iqn.2001-04.com.example:other (non-flash)
\tCurrent Portal: 10.0.2.2:23260,1
\t\tSID: 3
\t\tiSCSI Connection State: LOGGED IN
\t\tiSCSI Session State: LOGGED_IN
"""


def test_discovery() -> None:
    assert open_iscsi.parse_discovery(DISCOVERY) == [
        Node("127.0.0.1", 23260, 1, "iqn.2001-04.com.example:assay.target"),
        Node(
            "fe80:0000:0000:0000:0000:0000:0000:0001",
            3260,
            65535,
            "iqn.2001-04.com.example:other",
        ),
    ]
    assert open_iscsi.parse_discovery("iscsiadm: No portals found\n") == []


def test_sessions() -> None:
    first, second, third = open_iscsi.parse_sessions(SESSIONS)

    assert (first.sid, first.port, first.is_logged_in) == (1, 23260, True)
    assert first.parameters == {
        "HeaderDigest": "CRC32C",
        "DataDigest": "None",
        "MaxBurstLength": "1048576",
    }
    assert first.disks == {0: "sda", 12: "sdaa"}
    assert (second.sid, second.port, second.is_logged_in) == (2, 23261, False)
    assert second.target == first.target != third.target
    assert open_iscsi.parse_sessions("iscsiadm: No active sessions.\n") == []


def test_paths() -> None:
    printed = "sda 33a35e97b active\nsdb 33a35e97b failed\nsdc 3b undef\n\nok\n"

    assert open_iscsi.parse_paths(printed) == [
        Path("sda", "33a35e97b", is_active=True),
        Path("sdb", "33a35e97b", is_active=False),
        Path("sdc", "3b", is_active=False),
    ]


def test_settings_say_what_is_insisted_on() -> None:
    plain = open_iscsi.settings(data_digest=True)
    one_way = open_iscsi.settings(chap=Chap(Credentials("user", b"secret")))
    mutual = open_iscsi.settings(
        chap=Chap(Credentials("user", b"secret"), Credentials("target", b"other"))
    )

    assert plain["node.conn[0].iscsi.HeaderDigest"] == "None"
    assert plain["node.conn[0].iscsi.DataDigest"] == "CRC32C"
    assert not any("auth" in name for name in plain)
    assert one_way["node.session.auth.authmethod"] == "CHAP"
    assert one_way["node.session.auth.password"] == "secret"
    assert not any(name.endswith("_in") for name in one_way)
    assert mutual["node.session.auth.username_in"] == "target"
    assert mutual["node.session.auth.password_in"] == "other"
