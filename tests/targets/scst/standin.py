# SPDX-License-Identifier: GPL-2.0-only
"""A tree shaped like a checkout of SCST, with nothing of SCST's in it.

Its Makefiles make empty files with the names of what the real ones build, and refuse
what the real ones need: a kernel's folder, and scst before iscsi-scst.
"""

import shutil
import tarfile
from pathlib import Path

VERSION = "3.9.1-pre"

_HERE = Path(__file__).parent

_SCST_MAKEFILE = """\
all:
\t@test -n "$(KDIR)" || { echo "no KDIR"; exit 2; }
\ttouch src/scst.ko src/dev_handlers/scst_vdisk.ko
\tcp $(KDIR)/Module.symvers src/Module.symvers
\t$(MAKE) -C src ../include/scst_itf_ver.h

2release 2debug 2perf:
\techo $@ > src/mode
"""

_ISCSI_MAKEFILE = """\
all: include/iscsi_scst_itf_ver.h progs mods

include/iscsi_scst_itf_ver.h:
\techo '/* made */' > $@

progs: include/iscsi_scst_itf_ver.h ../scst/include/scst_itf_ver.h
\tprintf '#!/bin/sh\\n' > usr/iscsi-scstd

mods: ../scst/src/Module.symvers
\ttouch kernel/iscsi-scst.ko
"""

_GENERATOR = """\
#!/bin/sh
# Like the real one it wants the whole tree, writes into it, and would fetch a kernel's
# QLogic driver.
for one in scst iscsi-scst srpt scst_local; do
    [ -e $one ] || { echo "there is no $one here"; exit 1; }
done
[ -e qla2x00t/qla2xxx-orig/$1/qla_os.c ] || { echo "is to be fetched: $1"; exit 1; }
echo "Warning: something" >&2
echo made > iscsi-scst/include/iscsi_scst_itf_ver.h
case $1 in 2.4*) echo "Error: kernel $1 is not supported." >&2; exit 1;; esac
cat <<END
--- orig/linux-$1/drivers/scst/Kconfig
+++ linux-$1/drivers/scst/Kconfig
@@ -0,0 +1,1 @@
+config SCST
END
"""

CALLBACKS = (
    "2.6.32",
    "2.6.39",
    "3.7",
    "3.7.10",
    "3.12",
    "3.12.11",
    "3.19",
)


def checkout(root: Path, version: str = VERSION) -> Path:
    """Make a tree as a clone gives it; return its folder."""
    for folder in (
        "scst/include",
        "scst/src/dev_handlers",
        "scst/kernel/rhel",
        "iscsi-scst/include",
        "iscsi-scst/usr",
        "iscsi-scst/kernel/patches/rhel",
        "scstadmin",
        "scripts",
        "srpt",
        "scst_local",
        "qla2x00t",
    ):
        (root / folder).mkdir(parents=True)
    write = {
        "Makefile": "SCST_DIR=scst\nISCSI_DIR=iscsi-scst\n",
        "scst/Makefile": _SCST_MAKEFILE,
        "scst/include/scst.h": "#include <scst_const.h>\n",
        "scst/include/scst_const.h": (
            "#define SCST_VERSION_CODE\t    SCST_VERSION(3, 9, 1, 0)\n"
            f'#define SCST_VERSION_NAME\t    "{version}"\n'
            "#define SCST_VERSION_STRING\t    SCST_VERSION_NAME SUFFIX\n"
        ),
        "scst/src/Makefile": "../include/scst_itf_ver.h:\n\ttouch $@\n",
        "iscsi-scst/Makefile": _ISCSI_MAKEFILE,
        "iscsi-scst/include/iscsi_scst.h": "/* nothing */\n",
        "iscsi-scst/include/iscsi_scst_ver.h": f'#define V "{version}"\n',
        "scripts/generate-kernel-patch": _GENERATOR,
    }
    patches = "iscsi-scst/kernel/patches"
    write |= {f"{patches}/put_page_callback-{one}.patch": "" for one in CALLBACKS}
    write |= {
        f"{patches}/rhel/put_page_callback-2.6.32-{one}.patch": ""
        for one in (71, 220, 279, 431)
    }
    write[f"{patches}/rhel/put_page_callback-rhel5.patch"] = ""
    write["scst/kernel/scst_exec_req_fifo-2.6.32.patch"] = ""
    write["scst/kernel/rhel/scst_exec_req_fifo-2.6.32.patch"] = ""
    write["scst/kernel/nolockdep-3.12.patch"] = ""
    for name, text in write.items():
        (root / name).write_text(text)
    (root / "scripts" / "generate-kernel-patch").chmod(0o755)
    shutil.copytree(_HERE / "scstadmin", root / "scstadmin" / "scstadmin.sysfs")
    return root


def tarballs(folder: Path, version: str = "3.0.0") -> Path:
    """Make release tarballs, one a component; return their folder."""
    tree = checkout(folder / "tree", version)
    out = folder / "tarballs"
    out.mkdir()
    for name in ("scst", "iscsi-scst", "scstadmin"):
        with tarfile.open(out / f"{name}-{version}.tar.bz2", "w:bz2") as archive:
            archive.add(tree / name, f"{name}-{version}")
    return out


def kdir(folder: Path) -> Path:
    """Make what a kernel keeps for modules, as far as the stand-in looks at it."""
    folder.mkdir()
    (folder / "Module.symvers").write_text("0x0\tprintk\tvmlinux\tEXPORT_SYMBOL\n")
    return folder


_REAL_SCST_MAKEFILE = """\
all:
\t$(MAKE) -C $(KDIR) M=$(CURDIR)/src modules

2release 2debug 2perf:
"""
_REAL_ISCSI_MAKEFILE = """\
all:
\t$(MAKE) -C $(KDIR) M=$(CURDIR)/kernel \\
\t\tKBUILD_EXTRA_SYMBOLS=$(CURDIR)/../scst/src/Module.symvers modules
\tinstall -m 755 usr/iscsi-scstd.sh usr/iscsi-scstd
"""


def loadable(root: Path) -> Path:
    """Make a tree whose modules are real ones: a sysfs like SCST's, and no target.

    Its daemon takes a while to come, as the real one may.
    """
    checkout(root)
    handlers = root / "scst/src/dev_handlers"
    for name, folder in (
        ("scst.c", root / "scst/src"),
        ("standin.h", root / "scst/src"),
        ("scst_vdisk.c", handlers),
        ("standin.h", handlers),
        ("iscsi_scst.c", root / "iscsi-scst/kernel"),
        ("standin.h", root / "iscsi-scst/kernel"),
    ):
        shutil.copy(_HERE / "modules" / name, folder)
    shutil.copy(_HERE / "iscsi-scstd", root / "iscsi-scst/usr/iscsi-scstd.sh")
    (root / "scst/src/Makefile").unlink()
    (root / "scst/src/Kbuild").write_text("obj-m := scst.o dev_handlers/\n")
    (handlers / "Kbuild").write_text("obj-m := scst_vdisk.o\n")
    (root / "iscsi-scst/kernel/Kbuild").write_text(
        "obj-m := iscsi-scst.o\niscsi-scst-y := iscsi_scst.o\n"
    )
    (root / "scst/Makefile").write_text(_REAL_SCST_MAKEFILE)
    (root / "iscsi-scst/Makefile").write_text(_REAL_ISCSI_MAKEFILE)
    return root
