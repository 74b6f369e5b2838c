# SPDX-License-Identifier: GPL-2.0-only
"""The command line of the reference target."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import socket
import stat
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from iscsi.address import Portal
from iscsi.chap import Credentials
from iscsi.errors import DecodeError
from iscsi.names import is_iscsi_name
from iscsi.printable import line, printable
from iscsi_assay.parser import USAGE, Command, Failures, Parser
from reftarget import configfile, habits
from reftarget.config import ARCHITECTURE, Config, ConfigError, TargetConfig
from reftarget.faults import FAULTS, ROBUSTNESS_FAULTS
from reftarget.observers import TRACE, Observers
from reftarget.scsi.config import LogicalUnitConfig
from reftarget.scsi.reservation_store import StoreError
from reftarget.server import PortalError, Server
from reftarget.variants import VariantError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_T = TypeVar("_T")

log = logging.getLogger("reftarget")

DEFAULT_TARGET = "iqn.2001-04.com.example:assay.target"
_FAILURES: Failures = dict.fromkeys(
    (ConfigError, PortalError, StoreError, VariantError), (USAGE, str)
)

_EXAMPLES = """examples:
  one disk of 64 MiB in memory, on a free port of loopback:
    %(prog)s --lun 64M --portal 127.0.0.1:0
  a file as the disk (created if it is missing), mutual CHAP:
    %(prog)s --lun disk.img,1G --chap user:secret --mutual target:other
  no immediate data, and ErrorRecoveryLevel 1 at most:
    %(prog)s --lun 64M --key ImmediateData=No --key ErrorRecoveryLevel=1
  anything else, such as several targets, portal groups and redirection:
    %(prog)s --config target.toml
  the list of faults:
    %(prog)s --list-faults
  the list of habits, unusual but legal behaviours:
    %(prog)s --list-habits

docs/reference-target.md lists its limits on memory, counters and waits.
"""


class PrintableFormatter(logging.Formatter):
    """Keeps each log record on one line, since names in it are text of the peer.

    The trace, which shows a PDU in several lines, is escaped line by line.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - inherited
        """Return the line of a record, without its traceback."""
        if record.name == TRACE:
            record.message = "\n".join(map(printable, record.message.split("\n")))
        else:
            record.message = line(record.message)
        return super().formatMessage(record)


def describe(parser: Parser) -> None:
    """Fill the parser of the command line."""
    parser.description = (
        "Serves a small iSCSI target that follows RFC 7143, or breaks it as --fault "
        "says."
    )
    parser.epilog = _EXAMPLES
    add = parser.add_argument
    add(
        "--config",
        type=Path,
        metavar="FILE.toml",
        help="read the configuration from this file",
    )
    add(
        "--portal",
        action="append",
        default=[],
        metavar="HOST:PORT",
        help="listen at this address; port 0 chooses a free one (may be repeated)",
    )
    add(
        "--target",
        metavar="IQN",
        help=f"the target's name (default: {DEFAULT_TARGET})",
    )
    add(
        "--lun",
        action="append",
        default=[],
        metavar="SIZE|FILE[,SIZE]",
        help="add a disk in memory, or in a file (may be repeated)",
    )
    add(
        "--chap",
        action="append",
        default=[],
        metavar="USER:SECRET",
        help="require CHAP of this user, under any initiator name",
    )
    add(
        "--mutual",
        metavar="USER:SECRET",
        help="the target's own CHAP name and secret, for mutual CHAP",
    )
    add(
        "--key",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help=f"answer this in negotiations (may be repeated); {ARCHITECTURE}= "
        "suppresses that key",
    )
    add(
        "--fault",
        action="append",
        default=[],
        metavar="NAME",
        help="enable this fault (may be repeated)",
    )
    add("--list-faults", action="store_true", help="list the faults and exit")
    add(
        "--habit",
        action="append",
        default=[],
        metavar="NAME",
        help="enable this unusual, legal behaviour (may be repeated)",
    )
    add("--list-habits", action="store_true", help="list the habits and exit")
    add("--trace", action="store_true", help="log every PDU decoded")
    add(
        "--pcap", type=Path, metavar="FILE", help="write a capture that Wireshark opens"
    )
    add(
        "--control",
        action="store_true",
        help="accept operator's commands on standard input",
    )
    add(
        "--control-socket",
        type=Path,
        metavar="FILE",
        help="accept operator's commands at this Unix socket",
    )
    add("--exit-with-stdin", action="store_true", help="exit when standard input ends")
    add("--quiet", action="store_true", help="log only warnings")
    parser.set_defaults(run=run)


def build_config(options: argparse.Namespace) -> Config:
    """Return the configuration of the command line.

    Raises:
        ConfigError: an option is wrong.
    """
    config = configfile.read(options.config) if options.config else Config()
    if options.portal:
        portals = tuple(_option("--portal", _parse_portal, p) for p in options.portal)
        config = replace(config, portals=portals)
    single = (options.target, options.lun, options.chap, options.mutual)
    if any(single) or not config.targets:
        if len(config.targets) > 1:
            raise ConfigError(
                "--target, --lun, --chap and --mutual describe one target; "
                "use --config for several"
            )
        base = config.targets[0] if config.targets else TargetConfig(DEFAULT_TARGET)
        config = replace(config, targets=(_single_target(base, options),))
    config = habits.configured(replace(config, habits=tuple(options.habit)))
    if options.key:
        config = replace(config, keys=_keys(config, options.key))
    return replace(config, faults=(*config.faults, *options.fault))


def _single_target(base: TargetConfig, options: argparse.Namespace) -> TargetConfig:
    name = options.target or base.name
    if not is_iscsi_name(name):
        raise ConfigError(f"--target: {name!r} is not an iSCSI name")
    units = tuple(
        _option("--lun", partial(_unit, number), value)
        for number, value in enumerate(options.lun)
    )
    access = base.access
    if options.chap:
        users = tuple(_option("--chap", _credentials, value) for value in options.chap)
        access = replace(access, users=users)
    if options.mutual:
        mutual = _option("--mutual", _credentials, options.mutual)
        access = replace(access, mutual=mutual)
        if any(user.secret == mutual.secret for user in access.users):
            raise ConfigError("--mutual: choose a secret that differs from --chap")
    if not units and not base.units:
        units = (LogicalUnitConfig(0),)
    return replace(base, name=name, units=units or base.units, access=access)


def _option(name: str, parse: Callable[[str], _T], value: str) -> _T:
    """Return the meaning of an option's value; an error names the option."""
    try:
        return parse(value)
    except (ValueError, DecodeError) as error:
        raise ConfigError(f"{name}: {error}") from error


def _parse_portal(value: str) -> Portal:
    return configfile.parse_portal(value)


def _credentials(value: str) -> Credentials:
    name, colon, secret = value.partition(":")
    if not colon or not name:
        raise ValueError("expected USER:SECRET")
    return Credentials(name, configfile.parse_secret(secret))


def _unit(number: int, value: str) -> LogicalUnitConfig:
    """Return the logical unit of SIZE, FILE or FILE,SIZE."""
    try:
        return LogicalUnitConfig(number, size=configfile.parse_size(value))
    except ValueError:
        file, comma, size = value.rpartition(",")
    path = Path(file if comma else value)
    if comma:
        return LogicalUnitConfig(number, size=configfile.parse_size(size), path=path)
    if not path.exists():
        raise ValueError(f"{value!r} is neither a size nor an existing file")
    return LogicalUnitConfig(number, size=path.stat().st_size, path=path)


def _keys(config: Config, settings: Sequence[str]) -> MappingProxyType[str, str]:
    values = dict(config.keys)
    for item in settings:
        name, _, value = item.partition("=")
        if name == ARCHITECTURE and not value:
            # RFC 7143 section 9.4: an administrator can prevent this key from being
            # sent.
            values.pop(name, None)
            continue
        values[name] = configfile.own_value(name, value, f"--key {name}")
    configfile.check_keys(values)
    return MappingProxyType(values)


async def serve(config: Config, options: argparse.Namespace) -> None:
    """Serve until a signal, or until standard input ends if that was requested."""
    loop = asyncio.get_running_loop()
    finished = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, finished.set)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(finished.wait(), config.limits.start_time)
    with contextlib.ExitStack() as stack:
        server = Server(config, loop)
        stack.callback(server.close)
        server.on_connect = stack.enter_context(
            Observers(trace=options.trace, pcap=options.pcap, clock=time.time)
        ).watch
        if options.exit_with_stdin or options.control:
            _watch_stdin(loop, server, finished, options)
        if options.control_socket is not None:
            remove_stale_socket(options.control_socket)
            listening = await _listen_for_orders(server, options.control_socket)
            stack.callback(listening.close)
        places = (
            f"[{p.host}]:{p.port}" if ":" in p.host else f"{p.host}:{p.port}"
            for p in server.portals
        )
        print("ready", *places, flush=True)
        await finished.wait()


def remove_stale_socket(path: Path) -> None:
    """Remove a socket that an earlier target has left; nothing else is removed.

    Raises:
        ConfigError: the path is another file, or a process listens at the socket.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ConfigError(f"--control-socket: {path} exists and is not a socket")
    with socket.socket(socket.AF_UNIX) as trial:
        try:
            trial.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise ConfigError(f"--control-socket: a process listens at {path}")


async def _listen_for_orders(server: Server, path: Path) -> asyncio.AbstractServer:
    """Accept commands at a Unix socket, one per line, and answer each by a line."""

    async def answer_orders(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            while order := await reader.readline():
                answer = server.control(order.decode("utf-8", "replace"))
                writer.write(f"{answer}\n".encode())
                await writer.drain()
        except ValueError:
            writer.write(b"error the line is too long\n")
        except ConnectionError:
            log.info("the operator has closed the control socket")
        writer.close()

    return await asyncio.start_unix_server(answer_orders, path)


def _watch_stdin(
    loop: asyncio.AbstractEventLoop,
    server: Server,
    finished: asyncio.Event,
    options: argparse.Namespace,
) -> None:
    if sys.stdin is None:
        return
    descriptor = sys.stdin.fileno()
    pending = bytearray()

    def readable() -> None:
        data = os.read(descriptor, 1 << 16)
        if not data:
            loop.remove_reader(descriptor)
            if options.exit_with_stdin:
                finished.set()
            return
        pending.extend(data)
        while b"\n" in pending:
            order, _, remainder = bytes(pending).partition(b"\n")
            pending[:] = remainder
            if options.control:
                print(server.control(order.decode("utf-8", "replace")), flush=True)

    try:
        loop.add_reader(descriptor, readable)
    except PermissionError:  # a regular file is always at its end
        if options.exit_with_stdin:
            finished.set()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the reference target; return the exit code."""
    return REFTARGET.run("python -m reftarget", arguments)


def run(options: argparse.Namespace) -> int:
    """Serve, or print a list if one was requested; return the exit code."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PrintableFormatter("%(asctime)s %(levelname)s %(message)s"))
    level = logging.WARNING if options.quiet else logging.INFO
    logging.basicConfig(handlers=[handler], level=level)
    if options.list_faults:
        for fault in (*FAULTS.values(), *ROBUSTNESS_FAULTS.values()):
            print(f"{fault.name:36} {fault.requirement:28} {fault.description}")
        return 0
    if options.list_habits:
        for habit in habits.HABITS.values():
            print(f"{habit.name:36} {habit.clause:22} {habit.says}")
        return 0
    asyncio.run(serve(build_config(options), options))
    return 0


REFTARGET = Command("serve the reference target on loopback", describe, _FAILURES)


if __name__ == "__main__":
    sys.exit(main())
