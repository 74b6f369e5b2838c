#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Starts an istgt by hand, by its istgt.conf; ends the old one.
# usage: istgt.sh FOLDER PORT
set -eu
folder=$1 port=$(printf '%04X' "$2")
PATH=$PATH:/usr/sbin:/sbin
if [ -e "$folder/pid" ]; then
    kill -KILL "$(cat "$folder/pid")" 2>/dev/null || true
    rm -f "$folder/istgt.pid"
fi
setsid istgt -D -c "$folder/istgt.conf" -p "$folder/istgt.pid" \
    >>"$folder/log" 2>&1 </dev/null &
echo $! >"$folder/pid"
# To connect and look would leave a connection in its backlog of two.
tries=0
until grep -q ":$port 00000000:0000 0A" /proc/net/tcp; do
    tries=$((tries + 1))
    [ "$tries" -lt 300 ] || { echo "istgt does not listen"; exit 1; }
    sleep 0.1
done
