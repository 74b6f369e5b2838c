# SPDX-License-Identifier: GPL-2.0-only
"""SCST's configuration, by sysfs and as scst.conf."""

from dataclasses import replace

import pytest

from iscsi.chap import Credentials
from targets.scst import config
from targets.scst.config import Config, Device, Group, Handler, Target
from vmlab.errors import LabError

NAME = "iqn.2001-04.com.example:t"
HERE = f"{config.ROOT}/targets/iscsi/{NAME}"
SETTINGS = Config(
    (
        Device("disk0", Handler.FILEIO, "/var/store/a", attributes={"nv_cache": 1}),
        Device("disk1", Handler.BLOCKIO, "/dev/loop0", block_size=4096),
        Device("void", Handler.NULLIO),
    ),
    (
        Target(
            NAME,
            {0: "disk0", 26: "void"},
            incoming=(
                Credentials("joe", b"first-secret"),
                Credentials("fred", b"other#secret"),
            ),
            outgoing=Credentials("disks", b"way-back-secret"),
            portals=("10.0.2.15",),
            groups=(Group("few", ("iqn.2001-04.com.example:*",), {0: "disk1"}),),
            attributes={"HeaderDigest": "CRC32C,None"},
        ),
    ),
)


def test_devices_are_added_to_their_handlers() -> None:
    handlers = f"{config.ROOT}/handlers"

    assert [(one.path, one.text) for one in config.devices(SETTINGS)] == [
        (
            f"{handlers}/vdisk_fileio/mgmt",
            "add_device disk0 filename=/var/store/a; nv_cache=1",
        ),
        (
            f"{handlers}/vdisk_blockio/mgmt",
            "add_device disk1 filename=/dev/loop0; blocksize=4096",
        ),
        (f"{handlers}/vdisk_nullio/mgmt", "add_device void"),
    ]


def test_a_target_is_enabled_once_complete_and_the_driver_last() -> None:
    driver = f"{config.ROOT}/targets/iscsi"

    assert [(one.path, one.text) for one in config.targets(SETTINGS)] == [
        (f"{driver}/mgmt", f"add_target {NAME}"),
        (
            f"{driver}/mgmt",
            f"add_target_attribute {NAME} IncomingUser joe first-secret",
        ),
        (
            f"{driver}/mgmt",
            f"add_target_attribute {NAME} IncomingUser1 fred other#secret",
        ),
        (
            f"{driver}/mgmt",
            f"add_target_attribute {NAME} OutgoingUser disks way-back-secret",
        ),
        (f"{driver}/mgmt", f"add_target_attribute {NAME} allowed_portal 10.0.2.15"),
        (f"{HERE}/HeaderDigest", "CRC32C,None"),
        (f"{HERE}/luns/mgmt", "add disk0 0"),
        (f"{HERE}/luns/mgmt", "add void 26"),
        (f"{HERE}/ini_groups/mgmt", "create few"),
        (f"{HERE}/ini_groups/few/luns/mgmt", "add disk1 0"),
        (f"{HERE}/ini_groups/few/initiators/mgmt", "add iqn.2001-04.com.example:*"),
        (f"{HERE}/enabled", "1"),
        (f"{driver}/enabled", "1"),
    ]


def test_scst_conf_has_the_same_contents() -> None:
    assert (
        config.conf(SETTINGS).replace("\t", "  ")
        == f"""\
HANDLER vdisk_fileio {{
  DEVICE disk0 {{
    filename /var/store/a
    nv_cache 1
  }}
}}

HANDLER vdisk_blockio {{
  DEVICE disk1 {{
    filename /dev/loop0
    blocksize 4096
  }}
}}

HANDLER vdisk_nullio {{
  DEVICE void
}}

TARGET_DRIVER iscsi {{
  enabled 1

  TARGET {NAME} {{
    IncomingUser "joe first-secret"
    IncomingUser "fred other\\#secret"
    OutgoingUser "disks way-back-secret"
    allowed_portal 10.0.2.15
    HeaderDigest CRC32C,None
    LUN 0 disk0
    LUN 26 void
    GROUP few {{
      LUN 0 disk1
      INITIATOR iqn.2001-04.com.example:*
    }}
    enabled 1
  }}
}}
"""
    )


@pytest.mark.parametrize(
    ("device", "expected_message"),
    [
        (Device("d", Handler.FILEIO), "vdisk_fileio needs a filename"),
        (Device("d", Handler.NULLIO, "/x"), "vdisk_nullio takes no filename"),
        (Device("d", Handler.BLOCKIO, "loop0"), "the path loop0 is relative"),
    ],
)
def test_a_device_that_makes_no_sense(device: Device, expected_message: str) -> None:
    with pytest.raises(LabError, match=expected_message):
        list(config.devices(Config((device,), ())))


@pytest.mark.parametrize(
    ("user", "expected_message"),
    [
        (Credentials("a b", b"long enough it is"), "has a space"),
        (Credentials("joe", b"a=long=enough=one"), "has a space or ="),
        (Credentials("joe", b"tiny"), "the secret of joe is shorter than 12 bytes"),
    ],
)
def test_credentials_that_scst_would_not_take(
    user: Credentials, expected_message: str
) -> None:
    target = Target(NAME, {}, incoming=(user,))

    with pytest.raises(LabError, match=expected_message) as caught:
        list(config.targets(Config((), (target,))))

    assert user.password not in str(caught.value)
    assert user.password not in repr(target)


def test_backslashes_are_kept_in_scst_conf() -> None:
    device = Device("d", Handler.FILEIO, "/a\\b c")

    assert '\tfilename "/a\\\\b c"\n' in config.conf(Config((device,), ()))


@pytest.mark.parametrize("secret", ["a{secret-of-ours", 'a"secret-of-ours'])
def test_what_scst_conf_cannot_say_is_refused(secret: str) -> None:
    target = Target(NAME, {}, incoming=(Credentials.of("joe", secret),))

    with pytest.raises(LabError, match=r"scst\.conf cannot express") as caught:
        config.conf(Config((), (target,)))

    assert secret not in str(caught.value)


def test_an_incomplete_configuration() -> None:
    target = SETTINGS.targets[0]

    with pytest.raises(LabError, match=f"{NAME}: LUN 0 is disk0, which is no device"):
        config.conf(Config((), (target,)))
    with pytest.raises(LabError, match="has disk0 twice"):
        config.conf(replace(SETTINGS, devices=SETTINGS.devices[:1] * 2))
    with pytest.raises(LabError, match="mutual CHAP also needs the initiator"):
        config.conf(replace(SETTINGS, targets=(replace(target, incoming=()),)))
