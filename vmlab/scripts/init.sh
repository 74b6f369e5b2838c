#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# The first program of a guest: devices, modules, network and disk, then its set-up.
/bin/busybox --install -s /bin
export PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/root
# ADDRESSES, READY and FAILED.
# shellcheck source=/dev/null
. /etc/settings
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
if grep -qw debugfs /proc/filesystems; then mount -t debugfs none /sys/kernel/debug; fi
echo 7 > /proc/sys/kernel/printk
while read -r module; do
    insmod "$module" || echo "$FAILED insmod $module"
done < /etc/modules
ip link set lo up
for address in $ADDRESSES; do ip addr add "$address/24" dev eth0; done
ip link set eth0 up
ip route add default via 10.0.2.2
mount -t tmpfs none /tmp
if [ -b /dev/vda ]; then mount -t ext4 /dev/vda /var || echo "$FAILED mount /var"; fi
mkdir -p /var/tmp
if sh -e /etc/setup > /tmp/setup.log 2>&1; then
    leaks=/sys/kernel/debug/kmemleak
    if [ -e $leaks ]; then
        sh /etc/leaks $leaks < /dev/null > /dev/console &
    fi
    echo "$READY"
else
    cat /tmp/setup.log
    echo "$FAILED $(tail -n 1 /tmp/setup.log)"
fi
while true; do setsid cttyhack sh; sleep 1; done
