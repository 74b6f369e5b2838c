# SPDX-License-Identifier: GPL-2.0-only
"""Kernels built from source, resumed if interrupted, cached by a hash of the inputs."""

import contextlib
import json
import re
import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path

from vmlab import cache, debuginfo, modules
from vmlab.build import config, external, inside, patches, sources
from vmlab.build.addition import Addition
from vmlab.build.builder import Builder
from vmlab.build.make import Progress, make
from vmlab.errors import LabError
from vmlab.kernel import Kernel

_ABOUT = "about.json"
_EARLY = (
    "KASAN_SANITIZE_enlighten.o=n",
    "CFLAGS_enlighten.o=-minline-all-stringops -Dmemcmp=__builtin_memcmp",
)
"""A PVH entry runs before KASAN has its shadow memory, which would crash the kernel."""
_NAME = re.compile(r"[a-z0-9][\w.-]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Order:
    """The order of a build."""

    source: str
    """`debian`, a tarball or a tree."""
    patches: tuple[Path, ...] = ()
    """Files and folders of patches."""
    config: tuple[str, ...] = ()
    """Presets and files, in addition to those of every kernel."""
    addition: Addition | None = None
    """Software that is added to the kernel."""
    modules: tuple[Path, ...] = ()
    """Folders with external modules."""
    in_vm: bool = False
    """Whether a machine builds it instead of this host."""
    base: tuple[str, ...] = ()
    """Presets and files that every kernel gets besides `config.ALWAYS`. An option of
    these may be missing where a kernel does not have it."""


@dataclass(frozen=True, slots=True)
class About:
    """The record of a built kernel."""

    version: str
    origin: str
    patches: tuple[str, ...]
    config: tuple[str, ...]
    kdir: str
    steps: int
    """The number of steps of the build, for the progress of the next one."""
    in_vm: bool = False
    addition: str = ""
    """The added software, and how it was added; empty if there is none."""


def build(order: Order) -> Kernel:
    """Build a kernel, or return the one that was built from the same inputs.

    The next build continues where an interrupted one stopped.

    Raises:
        LabError: the sources, a patch or an option are wrong, or the build fails.
    """
    with inside.chosen(in_vm=order.in_vm) as builder:
        return _build(order, builder)


def _build(order: Order, builder: Builder) -> Kernel:
    origin = sources.find(order.source)
    patch_files = patches.collect(order.patches)
    addition = order.addition
    base = config.merge((*config.ALWAYS, *order.base))
    requested = config.merge(config.with_debug(order.config))
    if addition is None:
        tree = sources.prepare(origin, patch_files)
        needed = {}
    else:
        tree = sources.prepare(
            origin, patch_files, more=addition.patches, more_from=addition.digest()
        )
        texts = addition.fragments(sources.version(tree))
        needed = config.parse("\n".join(texts), "the addition's options")
    options = base | needed | requested
    version = sources.version(tree)
    made_from = cache.key(
        tree=tree.name, config=options, compiler=builder.compiler, layout=1
    )
    about = About(
        version="",
        origin=f"{origin.path.name} ({version.text})",
        patches=tuple(path.name for path in patch_files),
        config=order.config,
        addition="" if addition is None else addition.describe(version),
        # Directly below the sources, so that their relative path is "..". For ccache,
        # the files of another patch's tree then have the same path.
        kdir=str(tree / f"out-{made_from}"),
        steps=0,
        in_vm=order.in_vm,
    )
    optional = base | config.merge((config.DEBUG,))
    root = cache.get(
        "built",
        made_from,
        lambda path: _compile(tree, options, optional, about, path, builder),
    )
    kernel = load(root)
    added = [
        module
        for folder in order.modules
        for module in external.build(folder, Path(about.kdir), builder)
    ]
    return external.with_modules(kernel, added) if added else kernel


def _compile(
    tree: Path,
    options: Mapping[str, str],
    optional: Collection[str],
    about: About,
    path: Path,
    builder: Builder,
) -> None:
    out = Path(about.kdir)
    out.mkdir(exist_ok=True)
    log = cache.folder() / "logs" / f"kernel-{_key_of(out)}.log"
    run = partial(make, log=log, builder=builder)
    where = ("-C", tree, f"O={out}")
    _configure(tree, out, options, optional, run)
    progress = Progress(about.origin, _last_steps())
    goal, image = _image(out)
    goals = (*where, goal, "modules", *_EARLY)
    run(goals, subject=about.origin, report=progress, writes=(out,))
    progress.close()
    path.mkdir()
    place = (f"INSTALL_MOD_PATH={path}", "INSTALL_MOD_STRIP=1")
    install = (*where, *place, "modules_install")
    run(install, subject=f"{about.origin}: its modules", writes=(out, path))
    (release,) = (path / "lib" / "modules").iterdir()
    for link in ("build", "source"):
        (release / link).unlink(missing_ok=True)
    shutil.copy2(out / image, path / "vmlinux")
    if _has(out, "CONFIG_DEBUG_INFO"):
        debuginfo.keep(path, out / "vmlinux", out.rglob("*.ko"))
    if image == "vmlinux":
        debuginfo.strip(path / "vmlinux")
    modules.prepare(path, release.name)
    values = asdict(about) | {"version": release.name, "steps": progress.steps}
    (path / _ABOUT).write_text(json.dumps(values, indent=1))


def _image(out: Path) -> tuple[str, str]:
    """Return make's goal for QEMU's kernel image, and the path of the image.

    An uncompressed kernel starts faster, but needs support for PVH.
    """
    if _has(out, "CONFIG_PVH"):
        return "vmlinux", "vmlinux"
    return "bzImage", "arch/x86/boot/bzImage"


def _has(out: Path, option: str) -> bool:
    return config.parse((out / ".config").read_text(), ".config").get(option) == "y"


def _key_of(out: Path) -> str:
    return out.name.removeprefix("out-")


def _configure(
    tree: Path,
    out: Path,
    options: Mapping[str, str],
    optional: Collection[str],
    run: Callable[..., None],
) -> None:
    """Create the configuration, unless an interrupted build has created it."""
    marker = out / ".config.wanted"
    text = config.render(options)
    if marker.exists() and marker.read_text() == text:
        return
    make_config = partial(run, subject="the configuration", writes=(out,))
    make_config(("-C", tree, f"O={out}", "tinyconfig"))
    dotconfig = out / ".config"
    dotconfig.write_text(config.override(dotconfig.read_text(), options))
    make_config(("-C", tree, f"O={out}", "olddefconfig"))
    # The lab's own presets fit kernels of several years.
    config.check(options, dotconfig.read_text(), tree, optional)
    marker.write_text(text)


def _last_steps() -> int:
    records = sorted(
        (cache.folder() / "built").glob(f"*/{_ABOUT}"),
        key=lambda path: path.stat().st_mtime,
    )
    return about_of(records[-1].parent).steps if records else 0


def about_of(root: Path) -> About:
    """Return the record of a built kernel.

    Raises:
        LabError: another version of the lab has built it, or none.
    """
    try:
        values = json.loads((root / _ABOUT).read_text())
        values |= {name: tuple(values[name]) for name in ("patches", "config")}
        # Another version of the lab may have stored more keys.
        names = {field.name for field in fields(About)}
        return About(**{name: values[name] for name in names & values.keys()})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LabError(f"{root} is not a kernel that this lab has built") from error


def load(root: Path) -> Kernel:
    """Return a built kernel.

    Raises:
        LabError: there is none.
    """
    about = about_of(root)
    words = [about.origin, *about.patches, *about.config]
    words += [about.addition] if about.addition else []
    origin = ", ".join(words)
    kdir = Path(about.kdir)
    return Kernel(about.version, root, origin, kdir, about.patches, about.in_vm)


def remember(name: str, kernel: Kernel) -> None:
    """Give a kernel a name.

    Raises:
        LabError: the name is not valid.
    """
    if not _NAME.fullmatch(name):
        raise LabError(f"{name!r} is not a valid name for a kernel")
    folder = cache.folder() / "kernels"
    folder.mkdir(exist_ok=True)
    values = {
        "version": kernel.version,
        "root": str(kernel.root),
        "origin": kernel.origin,
        "kdir": str(kernel.kdir),
        "patches": kernel.patches,
        "in_vm": kernel.in_vm,
    }
    (folder / f"{name}.json").write_text(json.dumps(values, indent=1))


def named(name: str) -> Kernel:
    """Return the kernel with a name.

    Raises:
        LabError: there is none, or its files are missing.
    """
    kernels = names()
    if name not in kernels:
        choices = f"there are: {', '.join(kernels)}" if kernels else "none is built"
        raise LabError(f"there is no kernel {name}; {choices}")
    return kernels[name]


def names() -> dict[str, Kernel]:
    """Return the named kernels that still exist."""
    kernels = {}
    for path in sorted((cache.folder() / "kernels").glob("*.json")):
        # Another version of the lab may have stored it in another form.
        with contextlib.suppress(ValueError, KeyError, TypeError):
            values = json.loads(path.read_text())
            kernel = Kernel(
                values["version"],
                Path(values["root"]),
                values["origin"],
                Path(values["kdir"]),
                tuple(values["patches"]),
                values.get("in_vm", False),
            )
            if kernel.image.exists():
                kernels[path.stem] = kernel
    return kernels
