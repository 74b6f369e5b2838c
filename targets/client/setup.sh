# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# open-iscsi and multipath-tools; their configurations are files beside this one.
ln -sfn /run/lock /var/lock
syslogd -O /tmp/messages
# Messages of lost connections would stand in the midst of a command's output; dmesg shows
# them. A crash is still said aloud.
dmesg -n 3
ln -s /bin/udevadm /sbin/systemd-udevd
systemd-udevd --daemon
iscsid
multipathd
