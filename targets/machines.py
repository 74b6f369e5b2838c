# SPDX-License-Identifier: GPL-2.0-only
"""This package's part of the lab's command line: machines that boot by name."""

import argparse
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from iscsi_assay.parser import described, examples
from targets.errors import LabError, TargetSpecError
from targets.kind import Build
from targets.lab import Machine
from targets.registry import folders, kinds
from vmlab.build import config
from vmlab.build.addition import Addition
from vmlab.extension import CommandLine
from vmlab.machine import Lab

_EXAMPLES = (
    "%(prog)s up lio            # boot a machine that serves LIO; it stays up",
    "%(prog)s up lio --kernel mine",
    "%(prog)s up scst --scst-source ~/src/scst",
    "%(prog)s up client         # boot a machine with the kernel's initiator",
)


def machines() -> dict[str, Machine]:
    """Return every machine that boots by name."""
    all_machines = [
        machine
        for _, package in folders()
        for machine in getattr(package, "MACHINES", ())
    ]
    return {
        machine.name: machine
        for machine in sorted(all_machines, key=lambda machine: machine.name)
    }


def extend(line: CommandLine) -> None:
    """Add the command `up`, and the targets' kernel options to `build kernel`."""
    up = line.add("up", "boot a machine, which stays up until `down`")
    up.epilog = examples("%(prog)s lio", "%(prog)s lio --name second --kernel mine")
    names = up.add_subparsers(metavar="KIND", required=True)
    for machine in machines().values():
        line.fragments += machine.fragments
        text = f"boot {machine.summary}"
        one = names.add_parser(
            machine.name,
            help=text,
            description=described(f"{text}, and stays up until `lab down`"),
            epilog=examples("%(prog)s", "%(prog)s --name second"),
        )
        one.set_defaults(run=partial(_up, machine))
        one.add_argument(
            "--name",
            default=machine.name,
            help="the name of the machine (default: %(default)s)",
        )
        for option in machine.options:
            option.add(one.add_argument)
    for name, path in _presets():
        config.add_preset(name, path)
    line.examples += _EXAMPLES
    for build in _builds():
        for option in build.options:
            option.add(line.build_kernel.add_argument)
        line.additions.append(partial(_addition, build))


def _presets() -> Iterator[tuple[str, Path]]:
    """Yield the kernel options that folders contain, by the folders' names."""
    for folder, _ in folders():
        path = folder / "kernel.config"
        if path.exists():
            yield folder.name, path


def _builds() -> list[Build]:
    try:
        return [kind.build for kind in kinds().values() if kind.build is not None]
    except TargetSpecError as error:
        raise LabError(str(error)) from error


def _addition(build: Build, options: argparse.Namespace) -> Addition | None:
    return build.addition(vars(options))


def _up(machine: Machine, options: argparse.Namespace) -> int:
    """Boot a machine and print how to reach it.

    Raises:
        LabError: an option has a wrong value, or the machine does not serve.
    """
    try:
        recipe = machine.recipe(vars(options))
    except TargetSpecError as error:
        raise LabError(str(error)) from error
    served = recipe.by_hand or recipe.targets[:1]
    with Lab() as lab:
        running = lab.up(recipe.guest(served), options.name, kernel=recipe.kernel())
    for port in list(running.forwards.values())[:1]:
        for target in served:
            lun = target.logical_units[0].lun
            print(f"iscsi://127.0.0.1:{port}/{target.name}/{lun}")
    if not running.forwards:
        print(f"iscsi-assay lab console {options.name} opens a shell in it")
    print(f"iscsi-assay lab down {options.name} ends the machine")
    return 0
