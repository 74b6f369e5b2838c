# SPDX-License-Identifier: GPL-2.0-only
"""istgt, the iSCSI target of FreeBSD, as packaged by Debian."""

import re
from dataclasses import replace
from functools import partial
from pathlib import Path

from targets import layout
from targets.kind import DISCOVERY_CHAP, Options
from targets.listening import listening_portals
from targets.local import FEATURES, Plan, Recipe, polls
from targets.model import Chap, LogicalUnit, Special, Target
from targets.process import Process, spawn
from vmlab.tool import attempt, find

PACKAGE = "istgt"
PROGRAMS = ("istgt",)

_UNITS = (
    LogicalUnit(0, layout.LUN_SIZE, scratch=True, persistent=True),
    LogicalUnit(1, layout.LUN_SIZE, scratch=True, persistent=True),
)
_FURTHER = tuple(one for one in layout.IDENTITIES if one.initiator_name is None)
"""istgt does not restrict which initiator uses a CHAP name."""
_TARGETS = tuple(
    replace(one, identities=_FURTHER) if one.chap else one
    for one in layout.targets("istgt", _UNITS)
)
_ALIAS = "the first disk"
_FEATURES = FEATURES | {
    "header-digest",
    "data-digest",
    "multi-connection",
    "alias",
    "further-identity",
}
# Values of the package's example, but without unsolicited NOP-In, with more sessions,
# and without a port for istgtcontrol.
_GLOBAL = """\
[Global]
  NodeBase "iqn.2001-04.com.example"
  PidFile "{directory}/istgt.pid"
  AuthFile "{directory}/auth.conf"
  MediaDirectory "{directory}"
  LogFacility "local7"
  Timeout 30
  NopInInterval 0
  DiscoveryAuthMethod {method}
  DiscoveryAuthGroup {group}
  MaxSessions 64
  MaxConnections 4
  MaxR2T 32
  MaxOutstandingR2T 16
  DefaultTime2Wait 2
  DefaultTime2Retain 60
  FirstBurstLength 262144
  MaxBurstLength 1048576
  MaxRecvDataSegmentLength 262144
  InitialR2T Yes
  ImmediateData Yes
  DataPDUInOrder Yes
  DataSequenceInOrder Yes
  ErrorRecoveryLevel 0
[UnitControl]
  AuthMethod None
[InitiatorGroup1]
  InitiatorName "ALL"
  Netmask 127.0.0.0/8
  Netmask [::1]
[PortalGroup1]
"""


def recipe(options: Options) -> Recipe:
    """Return the recipe of istgt."""
    chap = layout.CHAP if DISCOVERY_CHAP.of(options) else None
    return Recipe(
        kind="istgt",
        description="istgt in user space",
        targets=_TARGETS,
        features=_FEATURES,
        version=_version,
        prepare=partial(_prepare, discovery_chap=chap),
        discovery_chap=chap,
        launch=_launch,
        await_ready=_await_ready,
        special={Special.ALIAS: _ALIAS},
    )


def _version() -> str:
    text = attempt([find("istgt", PACKAGE), "-V"]).stdout
    return " ".join(re.findall(r"version (\S+)", text))


def _prepare(plan: Plan, discovery_chap: Chap | None) -> None:
    layout.make_backing_files(plan.directory, _TARGETS)
    (plan.directory / "istgt.conf").write_text(
        build_configuration(plan, discovery_chap)
    )
    secrets = plan.directory / "auth.conf"
    secrets.touch(mode=0o600)
    secrets.write_text(build_secrets())


def build_configuration(plan: Plan, discovery_chap: Chap | None = None) -> str:
    """Return istgt.conf for an instance."""
    method, group = _authentication(discovery_chap)
    lines = [_GLOBAL.format(directory=plan.directory, method=method, group=group)]
    lines += [
        f"  Portal DA{number} {portal}\n"
        for number, portal in enumerate(plan.portals, 1)
    ]
    lines += [
        _unit_section(plan.directory, number, target)
        for number, target in enumerate(_TARGETS, 1)
    ]
    return "".join(lines)


def _authentication(chap: Chap | None) -> tuple[str, str]:
    """Return a method and the group of its accounts."""
    # "CHAP" accepts a challenge from the initiator, too; "CHAP Mutual" requires one.
    return ("None", "None") if chap is None else ("CHAP", "AuthGroup1")


def _unit_section(directory: Path, number: int, target: Target) -> str:
    method, group = _authentication(target.chap)
    storage = "".join(
        f'  LUN{unit.lun} Storage "{layout.backing_path(directory, target, unit)}"'
        f" Auto\n"
        for unit in target.logical_units
    )
    alias = f'  TargetAlias "{_ALIAS}"\n' if number == 1 else ""
    return (
        f"[LogicalUnit{number}]\n"
        f"  TargetName {target.name}\n"
        f"{alias}"
        f"  Mapping PortalGroup1 InitiatorGroup1\n"
        f"  AuthMethod {method}\n"
        f"  AuthGroup {group}\n"
        f"  UseDigest Auto\n"
        f"  UnitType Disk\n"
        f"{storage}"
    )


def build_secrets() -> str:
    """Return auth.conf."""
    mutual = f'"{layout.TARGET.name}" "{layout.TARGET.password}"'
    users = [layout.INITIATOR, *(one.credentials for one in _FURTHER)]
    lines = [f'  Auth "{one.name}" "{one.password}" {mutual}\n' for one in users]
    return "".join(["[AuthGroup1]\n", *lines])


def _launch(plan: Plan) -> Process:
    return spawn(
        [
            find("istgt", PACKAGE),
            "-D",
            *("-c", str(plan.directory / "istgt.conf")),
            *("-p", str(plan.directory / "istgt.pid")),
        ],
        log=plan.log,
        directory=plan.directory,
    )


def _await_ready(plan: Plan, process: Process) -> None:
    """Wait for its sockets, because istgt logs nothing when it listens."""
    # A test connection would stay in istgt's backlog of two.
    for _ in polls(process, "istgt"):
        if listening_portals(process.pid) == {
            (portal.host, portal.port) for portal in plan.portals
        }:
            return
