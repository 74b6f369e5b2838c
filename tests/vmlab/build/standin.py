# SPDX-License-Identifier: GPL-2.0-only
"""A tree shaped like a kernel's, small enough to be built in no time.

Its Makefile takes the goals that the lab gives, and keeps the options that its Kconfig
names and whose needs are met.
"""

import tarfile
from pathlib import Path

MAKEFILE = """\
VERSION = 6
PATCHLEVEL = 1
SUBLEVEL = 7
EXTRAVERSION =
NAME = Stand-in

.PHONY: tinyconfig olddefconfig vmlinux bzImage modules modules_install
tinyconfig:
\techo '# CONFIG_NET is not set' > $(O)/.config

olddefconfig:
\tgrep -v -e CONFIG_GONE -e CONFIG_NEEDY $(O)/.config > $(O)/new
\tmv $(O)/new $(O)/.config

vmlinux:
\t@echo '  CC      init/main.o'
\tcat init/main.c > $(O)/vmlinux
\techo built >> $(O)/times

bzImage: vmlinux
\tmkdir -p $(O)/arch/x86/boot
\t(echo packed; cat $(O)/vmlinux) > $(O)/arch/x86/boot/bzImage

modules: vmlinux
\t@test ! -e fail || { echo 'x.c:1:2: error: wrong'; exit 1; }
\ttouch $(O)/Module.symvers

modules_install:
\tmkdir -p $(INSTALL_MOD_PATH)/lib/modules/6.1.7/kernel
\ttouch $(INSTALL_MOD_PATH)/lib/modules/6.1.7/modules.builtin
\ttouch $(INSTALL_MOD_PATH)/lib/modules/6.1.7/modules.order
\tln -s $(O) $(INSTALL_MOD_PATH)/lib/modules/6.1.7/build
"""

MAIN = "".join(f"line {number}\n" for number in range(1, 21))

PATCH = """\
--- a/init/main.c
+++ b/init/main.c
@@ -2,3 +2,3 @@
 line 2
-line 3
+line three
 line 4
"""


def tree(root: Path) -> Path:
    """Make the tree; return its folder."""
    (root / "init").mkdir(parents=True)
    (root / "Makefile").write_text(MAKEFILE)
    (root / "Kconfig").write_text("config NET\n\tbool\nconfig NEEDY\n\tbool\n")
    (root / "init/main.c").write_text(MAIN)
    (root / "drivers/scsi/qla2xxx").mkdir(parents=True)
    (root / "drivers/scsi/qla2xxx/qla_os.c").touch()
    return root


def tarball(folder: Path) -> Path:
    """Make a tarball of it; return its path."""
    path = folder / "linux-6.1.7.tar.xz"
    with tarfile.open(path, "w:xz") as archive:
        archive.add(tree(folder / "packed"), "linux-6.1.7")
    return path
