# SPDX-License-Identifier: GPL-2.0-only
"""`python -m vmlab`: the lab's command line."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from vmlab import (
    cache,
    console,
    daemon,
    debuginfo,
    doctor,
    folders,
    kinds,
    machine,
    trace,
)
from vmlab.build import config, kernel, matrix
from vmlab.errors import LabError
from vmlab.scst import source
from vmlab.scst.build import Mode
from vmlab.scst.config import Configurator
from vmlab.scst.patches import Way

_EXAMPLES = """examples:
  python -m vmlab doctor            say what is missing on this machine
  python -m vmlab up lio            boot a machine that serves LIO; it stays up
  python -m vmlab up scst --scst-source ~/src/scst
  python -m vmlab build kernel --source debian --patch my.patch --name mine
  python -m vmlab up lio --kernel mine
  python -m vmlab up client         boot a machine with the Linux kernel's initiator
  python -m vmlab ls                what is up, and where it listens
  python -m vmlab console lio       its console; ^] leaves it
  python -m vmlab log lio           what its console has said
  python -m vmlab down lio          end it; --all ends all of the lab's, no others
"""


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return 0, 1 where something is missing, 3 for trouble."""
    options = _parser().parse_args(arguments)
    try:
        run: Callable[[argparse.Namespace], int] = options.run
        return run(options)
    except LabError as error:
        print(error.details(), file=sys.stderr)
        return 3
    except OSError as error:
        # A file that cannot be read or written; what it is for, its name tells.
        print(f"{error.filename or 'the system'}: {error.strerror}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m vmlab",
        description="Virtual machines that serve iSCSI targets.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(
        name: str, run: Callable[[argparse.Namespace], int], text: str
    ) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        return command

    up = add("up", _up, "boot a machine and leave it running")
    up.add_argument("kind", choices=sorted(kinds.GUESTS))
    up.add_argument("--name", help="what to call it; its kind by default")
    up.add_argument("--kernel", metavar="NAME", help="one that was built; or Debian's")
    _add_scst_source(up, f"SCST's sources; those of {source.VARIABLE} by default")
    up.add_argument("--scst-mode", type=Mode, choices=list(Mode), default=Mode.RELEASE)
    up.add_argument(
        "--scst-config",
        type=Configurator,
        choices=list(Configurator),
        default=Configurator.SYSFS,
        help="by what SCST is set up",
    )
    _add_in_vm(up, "build SCST in a machine")
    build = add("build", _kernels, "build kernels; alone it lists those built")
    _describe_build(build.add_subparsers(metavar="WHAT"))
    many = add("matrix", _matrix, "build and test many kernels")
    many.add_argument("what", choices=["run", "list"])
    many.add_argument("file", type=Path, help="see docs/lab.md")
    add("ls", _ls, "list the lab's machines")
    add(
        "console", _console, "attach to a machine's console; ^] leaves it"
    ).add_argument("name")
    log = add("log", _log, "print what a machine's console has said")
    log.add_argument("name")
    log.add_argument(
        "--kernel", metavar="NAME", help="decode traces of this one, that was built"
    )
    down = add("down", _down, "end machines")
    which = down.add_mutually_exclusive_group(required=True)
    which.add_argument("name", nargs="?")
    which.add_argument("--all", action="store_true", help="all of the lab's own")
    add("doctor", _doctor, "say what is missing on this machine")
    add("clean", _clean, "throw the cache of kernels, images and disks away")
    return parser


def _add_scst_source(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument("--scst-source", type=Path, metavar="DIR", help=text)


def _add_in_vm(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument(
        "--in-vm", action="store_true", help=f"{text}, with Debian's toolchain"
    )


def _describe_build(
    kinds: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> None:
    text = "build a kernel that the lab can boot"
    one = kinds.add_parser("kernel", help=text, description=text)
    one.set_defaults(run=_build_kernel)
    one.add_argument("--source", required=True, help="debian, a tarball or a tree")
    one.add_argument(
        "--patch",
        action="append",
        type=Path,
        default=[],
        help="a file, or a folder of patches (may be repeated)",
    )
    one.add_argument(
        "--config",
        action="append",
        default=[],
        help=f"a file, or one of {', '.join(config.presets())} (may be repeated)",
    )
    one.add_argument(
        "--module",
        action="append",
        type=Path,
        default=[],
        metavar="DIR",
        help="build this module beside it (may be repeated)",
    )
    _add_scst_source(one, "prepare it for SCST from these sources")
    one.add_argument("--scst-way", type=Way, choices=list(Way), help="how SCST gets in")
    _add_in_vm(one, "build it in a machine")
    one.add_argument("--name", help="what to call it in --kernel")


def _build_kernel(options: argparse.Namespace) -> int:
    order = kernel.Order(
        options.source,
        tuple(options.patch),
        tuple(options.config),
        options.scst_source and source.find(options.scst_source),
        options.scst_way,
        tuple(options.module),
        options.in_vm,
    )
    built = kernel.build(order)
    name = options.name or built.version
    kernel.remember(name, built)
    print(f"{name}: {built.version}, from {built.origin}")
    print(f"python -m vmlab up lio --kernel {name} boots it")
    return 0


def _kernels(_options: argparse.Namespace) -> int:
    found = kernel.names()
    for name, one in found.items():
        print(f"{name:24} {one.version:24} {one.origin}")
    if not found:
        print("no kernel is built; python -m vmlab build kernel --source debian")
    return 0


def _matrix(options: argparse.Namespace) -> int:
    rows = matrix.load(options.file)
    if options.what == "list":
        print("\n".join(row.name for row in rows))
        return 0
    results = []
    for row in rows:
        results.append(matrix.run(row))
        print(results[-1], flush=True)
    return int(not all(result.is_good for result in results))


def _up(options: argparse.Namespace) -> int:
    name = options.name or options.kind
    exports = kinds.exports(options.kind)
    with machine.Lab() as lab:
        guest, chosen = kinds.GUESTS[options.kind](options, exports)
        running = lab.up(guest, name, kernel=chosen)
    for first in list(running.forwards.values())[:1]:
        for export in exports:
            lun = export.units[0].lun
            print(f"iscsi://127.0.0.1:{first}/{export.name}/{lun}")
    if not running.forwards:
        print(f"python -m vmlab console {name} is a shell in it")
    print(f"python -m vmlab down {name} ends it")
    return 0


def _ls(_options: argparse.Namespace) -> int:
    with machine.Lab() as lab:
        found = lab.machines()
    for one in found:
        ports = " ".join(
            f"127.0.0.1:{outer}>{inner}" for inner, outer in one.forwards.items()
        )
        print(f"{one.name:24} {one.kind:8} {ports}")
    if not found:
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
        raise LabError(f"there is no console of a machine {options.name}")
    said = path.read_text(errors="replace")
    if options.kernel:
        files = debuginfo.files(kernel.named(options.kernel).root)
        said = trace.decode(said, files)
    sys.stdout.write(said)
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
            print(f"{name} was over; what it has left is gone")
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
            raise LabError("machines are up", hint="python -m vmlab down --all")
    cache.clear()
    return 0


if __name__ == "__main__":
    sys.exit(main())
