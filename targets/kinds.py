# SPDX-License-Identifier: GPL-2.0-only
"""The kinds of target that --target names."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

from targets import istgt, lab, lio, reference, remote, scst, tgt, tgt_vm
from targets.errors import LabError, TargetSpecError
from targets.lab import LabProvider, LabRecipe
from targets.local import LocalProvider, Recipe
from targets.model import Provider
from targets.process import find_program


@dataclass(frozen=True, slots=True)
class Kind:
    """A line of the help, and what is behind it."""

    name: str
    summary: str
    recipe: Callable[[], Recipe | LabRecipe]
    programs: tuple[str, ...] = ()
    package: str = ""
    traits: frozenset[str] = frozenset()
    """Features of any target of this kind, wherever it runs (see --profile)."""

    def describe_needs(self) -> str:
        """Say what it needs and whether that is there."""
        if not self.programs:
            return "needs Python alone"
        try:
            for program in self.programs:
                find_program(program, self.package)
        except LabError as error:
            return f"needs {' and '.join(self.programs)}: {error}"
        return f"needs {' and '.join(self.programs)}: installed"


_KINDS = {
    kind.name: kind
    for kind in (
        Kind("reference", "the reference target of this project", reference.recipe),
        Kind(
            "tgt",
            "tgtd on this machine",
            tgt.recipe,
            tgt.PROGRAMS,
            tgt.PACKAGE,
        ),
        Kind(
            "tgt-vm",
            "tgtd in a virtual machine",
            tgt_vm.recipe,
            lab.PROGRAMS,
            "the packages of scripts/install-lab",
        ),
        Kind(
            "istgt",
            "istgt on this machine",
            istgt.recipe,
            istgt.PROGRAMS,
            istgt.PACKAGE,
        ),
        Kind(
            "lio",
            "the Linux kernel's target in a virtual machine",
            lio.recipe,
            lab.PROGRAMS,
            "the packages of scripts/install-lab",
            lio.TRAITS,
        ),
        Kind(
            "scst",
            "SCST in a virtual machine, from its sources (--scst-source)",
            scst.recipe,
            (*lab.PROGRAMS, "make", "gcc"),
            "the packages of scripts/install-lab",
        ),
    )
}


def parse(
    spec: str,
    *,
    faults: Sequence[str] = (),
    keys: Sequence[str] = (),
    log_directory: Path | None = None,
    scst_source: Path | None = None,
    scst_mode: str = "release",
    scst_config: str = "sysfs",
    kernel: str | None = None,
) -> Provider:
    """Return the provider that a value of --target names.

    Args:
        spec: A name, a name:port to fix the first portal's port, or a URL.
        faults: Wrong behaviours to switch on; the reference target's only.
        keys: What it answers in negotiations (KEY=VALUE); the reference target's only.
        log_directory: Where logs are kept; None to throw them away with the target.
        scst_source: The folder of SCST's sources; None for that of SCST_SOURCE.
        scst_mode: For what SCST is built, release or debug.
        scst_config: By what SCST is set up, sysfs or scstadmin.
        kernel: The name of a kernel that the lab has built; None for Debian's.

    Raises:
        TargetSpecError: The value names nothing that can be provided.
    """
    name, colon, port = spec.partition(":")
    if (faults or keys) and name != "reference":
        what = "faults" if faults else "keys"
        raise TargetSpecError(f"{what} are the reference target's; {spec} has none")
    if spec.lower().startswith(remote.SCHEME):
        if kernel is not None:
            raise TargetSpecError("--kernel is for targets of the lab, not for a URL")
        return remote.parse(spec)
    kind = _find_kind(name)
    chosen = lab.find_kernel(kernel) if kernel is not None else None
    if name == "scst":
        recipe: Recipe | LabRecipe = scst.recipe(
            scst_source, chosen, scst_mode, scst_config
        )
    else:
        recipe = kind.recipe()
    if chosen is not None:
        if not isinstance(recipe, LabRecipe):
            raise TargetSpecError(f"--kernel is for targets of the lab, not for {name}")
        if name != "scst":
            recipe = replace(recipe, kernel=lambda: chosen)
    if faults or keys:
        recipe = reference.recipe(faults, keys=keys)
    first_port = _parse_port(spec, port) if colon else None
    if isinstance(recipe, LabRecipe):
        return LabProvider(recipe, port=first_port, log_directory=log_directory)
    return LocalProvider(recipe, port=first_port, log_directory=log_directory)


def _find_kind(name: str) -> Kind:
    if name in _KINDS:
        return _KINDS[name]
    close = get_close_matches(name, [*_KINDS, "iscsi"], 1)
    meant = remote.FORM if close == ["iscsi"] else "".join(close)
    guess = f" did you mean {meant}?" if meant else ""
    raise TargetSpecError(
        f"unknown target {name!r};{guess} valid: {', '.join(_KINDS)}, {remote.FORM}"
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
    if name not in _KINDS:
        raise TargetSpecError(f"unknown profile {name!r}; valid: {', '.join(_KINDS)}")
    return _KINDS[name].traits


def help_text() -> str:
    """Return what --target can name and what each needs, for --target=help."""
    rows = [
        (kind.name, kind.summary, kind.describe_needs()) for kind in _KINDS.values()
    ]
    width = max(len(name) for name, _, _ in rows)
    lines = ["--target=NAME, one of:"]
    lines += [f"  {name:{width}}  {summary}; {needs}" for name, summary, needs in rows]
    lines += [
        "  NAME:PORT fixes the port of the first portal",
        f"--target={remote.FORM}[?KEY=VALUE&…]",
        "  any target; needs it to run and to be reachable",
        f"  credentials: in the URL, or {remote.USER} and {remote.SECRET};",
        "  for mutual CHAP target_user=… and target_password=… in the URL,",
        f"  or {remote.MUTUAL_USER} and {remote.MUTUAL_SECRET}",
        "  scratch=yes: the data of this LUN may be overwritten",
    ]
    return "\n".join(lines)
