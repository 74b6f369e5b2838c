#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Starts a tgtd by hand, with what the provider of the toolkit sets up; ends the old one.
# usage: tgtd.sh FOLDER PORTAL...
set -eu
folder=$1
shift
first=$1
export TGT_IPC_SOCKET="$folder/control"
PATH=$PATH:/usr/sbin:/sbin

if [ -e "$folder/pid" ]; then
    kill -KILL "$(cat "$folder/pid")" 2>/dev/null || true
    rm -f "$folder/ended"
    rm -f "$folder/control".* "$folder/control"
fi
portals=
for portal in "$@"; do
    portals="${portals:+$portals,}portal=$portal"
done
# What runs in the background says how tgtd has ended, for `is_alive`. The variables in
# it are those of the inner shell.
# shellcheck disable=SC2016
setsid sh -c '
    tgtd --foreground --control-port 1 --iscsi "$2" >>"$1/log" 2>&1 </dev/null &
    echo $! >"$1/pid"
    wait $!
    status=$?
    if [ $status -gt 128 ]; then
        echo "killed by SIG$(kill -l $status)" >"$1/ended"
    else
        echo "exited with status $status" >"$1/ended"
    fi' tgtd "$folder" "$portals" >/dev/null 2>&1 </dev/null &

give() { tgtadm --control-port 1 --lld iscsi "$@"; }
tries=0
until give --op show --mode portal >"$folder/portals" 2>/dev/null; do
    tries=$((tries + 1))
    [ "$tries" -lt 100 ] || { echo "tgtd takes no orders"; exit 1; }
    sleep 0.1
done
grep -q " $first," "$folder/portals" || { echo "tgtd does not listen on $first"; exit 1; }

give --op new --mode account --user assay-initiator --password first-way-secret
give --op new --mode account --user assay-target --password other-way-secret
name() {
    give --op new --mode target --tid "$1" --targetname "iqn.2001-04.com.example:assay.tgt.$2"
    for digest in HeaderDigest DataDigest; do
        give --op update --mode target --tid "$1" --name "$digest" --value CRC32C,None
    done
}
unit() {
    [ -e "$folder/$1-$2.img" ] || truncate -s 64M "$folder/$1-$2.img"
    give --op new --mode logicalunit --tid "$1" --lun "$2" --backing-store "$folder/$1-$2.img"
}
open_up() { give --op bind --mode target --tid "$1" --initiator-address ALL; }
name 1 disk1
unit 1 1
unit 1 2
unit 1 3
give --op update --mode logicalunit --tid 1 --lun 3 --params readonly=1
unit 1 4
give --op update --mode logicalunit --tid 1 --lun 4 --params removable=1
open_up 1
name 2 disk2
unit 2 1
open_up 2
name 3 chap
unit 3 1
give --op bind --mode account --tid 3 --user assay-initiator
give --op bind --mode account --tid 3 --user assay-target --outgoing
open_up 3

# Names that serve no disk.
special() {
    give --op new --mode target --tid "$1" --targetname "iqn.2001-04.com.example:assay.tgt.$2"
}
special 4 forbidden
give --op bind --mode target --tid 4 --initiator-name iqn.2001-04.com.example:assay.tgt.nobody
moved() {
    special "$1" "$2"
    give --op update --mode target --tid "$1" --name RedirectAddress --value 127.0.0.2
    give --op update --mode target --tid "$1" --name RedirectPort --value "${first##*:}"
    give --op update --mode target --tid "$1" --name RedirectReason --value "$3"
    open_up "$1"
}
moved 5 moved Temporary
moved 6 moved-for-good Permanent
special 7 pinging
give --op update --mode target --tid 7 --name nop_interval --value 2
give --op update --mode target --tid 7 --name nop_count --value 3
open_up 7
