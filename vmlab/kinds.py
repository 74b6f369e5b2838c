# SPDX-License-Identifier: GPL-2.0-only
"""What can be booted by name from the command line."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from vmlab.build import kernel
from vmlab.guests import client, lio, tgt
from vmlab.guests.model import Export, Guest, Unit
from vmlab.kernel import Kernel
from vmlab.scst import source
from vmlab.scst.serve import Served

_SIZE = 64 << 20


def exports(kind: str) -> list[Export]:
    """Return what a machine of a kind serves that was booted by name."""
    name = f"iqn.2001-04.com.example:assay.{kind}.disk1"
    first = tgt.FIRST_LUN if kind == "tgt" else 0
    units = (
        Unit(first, _SIZE),
        Unit(first + 1, _SIZE),
        Unit(first + 2, _SIZE, backing="null" if kind == "scst" else "memory"),
        Unit(first + 3, _SIZE, backing="block"),
    )
    return [Export(name, units)]


def _client(
    options: argparse.Namespace, _exports: Sequence[Export]
) -> tuple[Guest, Kernel | None]:
    return client.guest(), _chosen(options)


def _lio(
    options: argparse.Namespace, exports: Sequence[Export]
) -> tuple[Guest, Kernel | None]:
    return lio.guest(exports), _chosen(options)


def _tgt(
    options: argparse.Namespace, exports: Sequence[Export]
) -> tuple[Guest, Kernel | None]:
    return tgt.guest(exports), _chosen(options)


def _scst(
    options: argparse.Namespace, exports: Sequence[Export]
) -> tuple[Guest, Kernel | None]:
    folder = source.find(options.scst_source)
    served = Served(
        folder,
        _chosen(options),
        options.scst_mode,
        options.scst_config,
        in_vm=options.in_vm,
    )
    return served.guest(exports), served.kernel()


def _chosen(options: argparse.Namespace) -> Kernel | None:
    return kernel.named(options.kernel) if options.kernel else None


GUESTS: Mapping[
    str,
    Callable[[argparse.Namespace, Sequence[Export]], tuple[Guest, Kernel | None]],
] = MappingProxyType({"client": _client, "lio": _lio, "scst": _scst, "tgt": _tgt})
"""What can be booted by name, and on which kernel; None for Debian's."""
