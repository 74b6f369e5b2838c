# SPDX-License-Identifier: GPL-2.0-only
"""The kinds of target that --target names: those of this package and of others.

A folder of this package that defines KINDS is a kind. Another distribution adds one by
an entry point of the group `iscsi_assay.targets` that names a `Kind`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches
from functools import cache
from importlib import import_module, metadata
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType

from iscsi import address
from targets import own, remote
from targets.errors import TargetSpecError
from targets.kind import NO_OPTIONS, Kind, Option, Options
from targets.model import Provider

GROUP = "iscsi_assay.targets"
"""The group of entry points of other distributions."""


_HERE = Path(__file__).parent


def folders() -> Iterator[tuple[Path, ModuleType]]:
    """Yield the folders of this package, and the packages that they are."""
    for module in iter_modules([str(_HERE)]):
        if module.ispkg:
            yield _HERE / module.name, import_module(f"{__package__}.{module.name}")


@cache
def kinds() -> Mapping[str, Kind]:
    """Return every kind of target by its name.

    Raises:
        TargetSpecError: another distribution's kind cannot be loaded or has a name that
            is in use; the message says which.
    """
    by_name = {
        kind.name: kind
        for _, package in folders()
        for kind in getattr(package, "KINDS", ())
    }
    # The default comes first.
    by_name = {"reference": by_name["reference"], **by_name}
    for point in metadata.entry_points(group=GROUP):
        kind = _load(point)
        if kind.name in by_name:
            raise TargetSpecError(
                f"{_origin(point)} adds a kind of target {kind.name!r}, which is there"
                " already; rename or remove one"
            )
        by_name[kind.name] = kind
    return by_name


def _load(point: metadata.EntryPoint) -> Kind:
    try:
        kind = point.load()
    except Exception as error:
        raise TargetSpecError(
            f"{_origin(point)} cannot be loaded: {type(error).__name__}: {error};"
            " repair or remove it"
        ) from error
    if not isinstance(kind, Kind):
        raise TargetSpecError(f"{_origin(point)} is not a targets.Kind")
    return kind


def _origin(point: metadata.EntryPoint) -> str:
    name = point.dist.name if point.dist is not None else "an installed distribution"
    return f"the entry point {point.name} = {point.value} of {name}"


def options() -> list[Option]:
    """Return the options of all kinds; a shared one occurs once.

    Raises:
        TargetSpecError: two kinds have different options of the same name.
    """
    distinct = dict.fromkeys(one for kind in kinds().values() for one in kind.options)
    flags = [one.flag for one in distinct]
    twice = sorted({flag for flag in flags if flags.count(flag) > 1})
    if twice:
        owners = " and ".join(_owners(twice[0]))
        raise TargetSpecError(f"{owners} each define an option {twice[0]}; rename one")
    return list(distinct)


def _owners(flag: str) -> list[str]:
    return [
        kind.name
        for kind in kinds().values()
        if flag in (one.flag for one in kind.options)
    ]


def parse(
    spec: str, options: Options = NO_OPTIONS, *, log_directory: Path | None = None
) -> Provider:
    """Return the provider that a value of --target names.

    Args:
        spec: a name, a name:port to fix the first portal's port, a URL, or the path
            of a target file.
        options: the values of the options of all kinds (see `options`).
        log_directory: the folder that keeps logs; None to delete them with the target.

    Raises:
        TargetSpecError: the value does not name a target, or an option belongs to
            another kind.
    """
    if spec.lower().startswith(address.SCHEME):
        _refuse_others(options, None)
        return remote.parse(spec)
    if spec.endswith(own.SUFFIX):
        _refuse_others(options, None)
        return _described(Path(spec))
    name, colon, port = spec.partition(":")
    kind = _find(name)
    _refuse_others(options, kind)
    recipe = kind.recipe(options)
    first_port = _parse_port(spec, port) if colon else None
    return recipe.provider(port=first_port, log_directory=log_directory)


def _described(path: Path) -> own.OwnProvider:
    """Return the provider of a target file.

    Raises:
        TargetSpecError: the file is wrong.
    """
    provider = own.read(path)
    kind = provider.deviations_of
    if kind is None:
        return provider
    if kind not in kinds():
        raise TargetSpecError(
            f"{path}: deviations_of: unknown kind {kind!r}; valid: {', '.join(kinds())}"
        )
    return replace(provider, traits=kinds()[kind].traits)


def _find(name: str) -> Kind:
    by_name = kinds()
    if name in by_name:
        return by_name[name]
    close = get_close_matches(name, [*by_name, "iscsi"], 1)
    suggestion = address.FORM if close == ["iscsi"] else "".join(close)
    hint = f" did you mean {suggestion}?" if suggestion else ""
    valid = ", ".join([*by_name, address.FORM, f"FILE{own.SUFFIX}"])
    raise TargetSpecError(f"unknown target {name!r};{hint} valid: {valid}")


def _refuse_others(values: Options, kind: Kind | None) -> None:
    """Refuse an option of another kind (None: the user runs the target).

    Raises:
        TargetSpecError: such an option is given.
    """
    own = () if kind is None else kind.options
    for one in options():
        if one.is_given(values) and one not in own:
            name = "a target of yours" if kind is None else f"--target={kind.name}"
            owners = " or ".join(_owners(one.flag))
            raise TargetSpecError(
                f"{one.flag} is for --target={owners}, not for {name}"
            )


def _parse_port(spec: str, port: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= 65535:
        raise TargetSpecError(
            f"--target={spec}: the port {port!r} is not a number from 1 to 65535"
        )
    return int(port)


def profile(name: str) -> frozenset[str]:
    """Return the features of any target of a kind, wherever it runs.

    Raises:
        TargetSpecError: there is no such kind.
    """
    by_name = kinds()
    if name not in by_name:
        raise TargetSpecError(f"unknown profile {name!r}; valid: {', '.join(by_name)}")
    return by_name[name].traits


def help_text() -> str:
    """Return the values of --target and the needs of each, for --target=help."""
    rows = [
        (kind.name, kind.summary, kind.describe_needs()) for kind in kinds().values()
    ]
    width = max(len(name) for name, _, _ in rows)
    lines = ["--target=NAME, one of:"]
    lines += [f"  {name:{width}}  {summary}; {needs}" for name, summary, needs in rows]
    lines += [
        "  NAME:PORT fixes the port of the first portal",
        f"--target={address.FORM}[?KEY=VALUE&…]",
        "  any target; needs it to run and to be reachable",
        f"  credentials: in the URL, or {address.USER} and {address.SECRET};",
        "  for mutual CHAP target_user=… and target_password=… in the URL,",
        f"  or {address.MUTUAL_USER} and {address.MUTUAL_SECRET}",
        "  scratch=yes: the data of this LUN may be overwritten",
        f"--target=FILE{own.SUFFIX}",
        "  any target, described by a file: docs/own-target.md",
    ]
    return "\n".join(lines)
