# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# Sets a builder up: a toolchain at ROOT, the host's folder FOLDER at the same path below
# it, and the same folder at WRITTEN, where all that is written reaches the host at once.
place=$ROOT$FOLDER
# Each request costs a buffer of that size, which is cleared first.
share=trans=virtio,version=9p2000.L,msize=32768
mkdir -p /lower /empty /read "$WRITTEN" "$ROOT" /var/upper /var/work
mount -t ext4 -o ro /dev/vdb /lower
# Nobody can write to it; what a build leaves outside the folder goes with the machine.
mount -t overlay -o lowerdir=/lower,upperdir=/var/upper,workdir=/var/work none "$ROOT"
printf %s "$COMPILER" > "$ROOT/usr/local/bin/$CC"
chmod +x "$ROOT/usr/local/bin/$CC"
ln -s /proc/self/fd /dev/fd
for name in proc sys dev; do
    mkdir -p "$ROOT/$name"
    mount -o bind "/$name" "$ROOT/$name"
done
mkdir -p "$place"
# Sources are asked for once, not at each look; nor is the host asked again for headers
# that are not there, as 9p alone would do for each that a compiler looks for.
mount -t 9p -o "$share,cache=loose,ro" share0 /read
mount -t overlay -o lowerdir=/empty:/read none "$place"
# What is written is on the host at once, whatever becomes of the machine.
mount -t 9p -o "$share,cache=mmap" share1 "$WRITTEN"
