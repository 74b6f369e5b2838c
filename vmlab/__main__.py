# SPDX-License-Identifier: GPL-2.0-only
"""The lab's commands: `iscsi-assay lab`, also as `python -m vmlab`."""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from iscsi_assay.parser import Command, Failures, Parser, described, examples, of_system
from vmlab import (
    cache,
    console,
    daemon,
    debuginfo,
    doctor,
    extension,
    folders,
    machine,
    trace,
)
from vmlab.build import config, kernel
from vmlab.console_log import ConsoleLog
from vmlab.errors import LabError
from vmlab.extension import CommandLine

TROUBLE = 3
"""The exit code if the lab fails; the same as of a run without a target."""

_EXAMPLES = (
    "%(prog)s doctor            # print what is missing on this machine",
    "%(prog)s build kernel --source debian --patch my.patch --name mine",
    "%(prog)s ls                # list the machines, with their ports",
    "%(prog)s console NAME      # attach to a machine's console; ^] leaves it",
    "%(prog)s log NAME          # print the output of its console",
    "%(prog)s down NAME         # end it; --all ends every machine of the lab",
)


def _details(error: BaseException) -> str:
    assert isinstance(error, LabError)
    return error.details()


_FAILURES: Failures = {LabError: (TROUBLE, _details), OSError: (TROUBLE, of_system)}


def describe(parser: Parser) -> None:
    """Fill the parser of `lab`.

    Raises:
        LabError: a command that another distribution adds cannot be loaded.
    """
    parser.description = (
        "Boots virtual machines and builds kernels for tests of targets; docs/lab.md "
        "describes the lab.\n\nExit codes: 0 done, 1 something is missing or a row "
        "of a matrix failed, 2 a wrong argument or file, 3 the lab failed."
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(
        name: str, run: Callable[[argparse.Namespace], int], text: str, *, example: str
    ) -> Parser:
        command = commands.add_parser(
            name,
            help=text,
            description=described(text),
            epilog=examples(f"%(prog)s {example}".rstrip()),
        )
        command.set_defaults(run=run)
        return command

    build = add(
        "build",
        _kernels,
        "build a kernel; without WHAT, list the kernels built so far",
        example="kernel --source debian --name mine",
    )
    build_kernel = _describe_build(build.add_subparsers(metavar="WHAT"))
    line = CommandLine(commands, build_kernel)
    extension.extend(line)
    build_kernel.add_argument(
        "--config",
        action="append",
        default=[],
        # Extensions may have added commands.
        help="a file with kernel options, or one of "
        f"{', '.join(config.presets())} (may be repeated)",
    )
    parser.epilog = examples(*_EXAMPLES, *line.examples)
    build_kernel.set_defaults(run=partial(_build_kernel, line))
    add("ls", _ls, "list the lab's machines", example="")
    add(
        "console",
        _console,
        "attach to a machine's console; ^] leaves it",
        example="lio",
    ).add_argument("name", metavar="NAME", help="a machine that `ls` lists")
    log = add(
        "log",
        _log,
        "print a machine's console",
        example="lio --kernel mine",
    )
    log.add_argument("name", metavar="NAME", help="a machine; it may have ended")
    log.add_argument(
        "--kernel",
        metavar="NAME",
        help="decode stack traces with the debug information of this built kernel",
    )
    down = add("down", _down, "end virtual machines", example="--all")
    which = down.add_mutually_exclusive_group(required=True)
    which.add_argument(
        "name", metavar="NAME", nargs="?", help="a machine that `ls` lists"
    )
    which.add_argument("--all", action="store_true", help="end all machines of the lab")
    add("doctor", _doctor, "print what is missing on this machine", example="")
    add(
        "clean",
        _clean,
        "delete the cache of kernels, images and disks",
        example="",
    )


def _describe_build(
    kinds: "argparse._SubParsersAction[Parser]",
) -> Parser:
    text = "build a kernel that the lab can boot"
    one = kinds.add_parser(
        "kernel",
        help=text,
        description="Builds a kernel that the lab can boot; docs/lab.md describes "
        "each option.",
        epilog=examples(
            "%(prog)s --source debian --name mine",
            "%(prog)s --source ~/src/linux --patch my.patch --config kasan",
        ),
    )
    one.add_argument(
        "--source",
        required=True,
        help="the kernel's sources: debian, a tarball or a tree",
    )
    one.add_argument(
        "--patch",
        action="append",
        type=Path,
        default=[],
        help="apply this patch, or the patches of this folder (may be repeated)",
    )
    one.add_argument(
        "--module",
        action="append",
        type=Path,
        default=[],
        metavar="DIR",
        help="build the module in this folder, too (may be repeated)",
    )
    one.add_argument(
        "--in-vm",
        action="store_true",
        help="build it in a virtual machine, with Debian's toolchain",
    )
    one.add_argument(
        "--name",
        help="the name by which --kernel of other commands boots it (default: its "
        "version)",
    )
    return one


def _build_kernel(line: CommandLine, options: argparse.Namespace) -> int:
    order = kernel.Order(
        options.source,
        tuple(options.patch),
        tuple(options.config),
        line.addition(options),
        tuple(options.module),
        options.in_vm,
        tuple(map(str, line.fragments)),
    )
    built = kernel.build(order)
    name = options.name or built.version
    kernel.remember(name, built)
    print(f"{name}: {built.version}, from {built.origin}")
    print(f"iscsi-assay lab up KIND --kernel {name} boots it")
    return 0


def _kernels(_options: argparse.Namespace) -> int:
    kernels = kernel.names()
    for name, built in kernels.items():
        print(f"{name:24} {built.version:24} {built.origin}")
    if not kernels:
        print("no kernel is built yet: iscsi-assay lab build kernel --source debian")
    return 0


def _ls(_options: argparse.Namespace) -> int:
    with machine.Lab() as lab:
        running = lab.machines()
    for listed in running:
        ports = " ".join(
            f"127.0.0.1:{outer}>{inner}" for inner, outer in listed.forwards.items()
        )
        print(f"{listed.name:24} {listed.kind:8} {ports}")
    if not running:
        print("no machine of the lab is up")
    return 0


def _console(options: argparse.Namespace) -> int:
    with machine.Lab() as lab:
        lab.find(options.name)
    console.attach(options.name)
    return 0


def _log(options: argparse.Namespace) -> int:
    path = folders.console(options.name)
    if not path.exists():
        raise LabError(f"there is no console file of the machine {options.name}")
    text = ConsoleLog(path).read().decode(errors="replace")
    if options.kernel:
        files = debuginfo.files(kernel.named(options.kernel).root)
        text = trace.decode(text, files)
    sys.stdout.write(text)
    return 0


def _down(options: argparse.Namespace) -> int:
    with machine.Lab() as lab:
        if not options.all:
            lab.down(options.name)
            print(f"{options.name} ended")
            return 0
        code = 0
        for name in [one.name for one in lab.machines()]:
            try:
                lab.down(name)
                print(f"{name} ended")
            except LabError as error:
                print(error.details(), file=sys.stderr)
                code = 3
        for name in folders.sweep(lab.is_up, every=True):
            print(f"{name} had already ended; its files are removed")
        cache.sweep()
        is_idle = lab.is_idle()
    if is_idle:
        daemon.end()
    return code


def _doctor(_options: argparse.Namespace) -> int:
    findings = list(doctor.examine())
    print("\n".join(doctor.report(findings)))
    return int(not all(finding.is_there for finding in findings))


def _clean(_options: argparse.Namespace) -> int:
    with machine.Lab() as lab:
        if lab.machines():
            raise LabError("machines are up", hint="iscsi-assay lab down --all")
    cache.clear()
    return 0


LAB = Command("boot virtual machines, build kernels for them", describe, _FAILURES)


def main(arguments: list[str] | None = None) -> int:
    """Carry out one command; return the exit code."""
    return LAB.run("python -m vmlab", arguments)


if __name__ == "__main__":
    sys.exit(main())
