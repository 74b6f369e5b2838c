#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Starts a reference target by hand, by its reftarget.toml; ends the old one.
# usage: reference.sh FOLDER PYTHON CHECKOUT
set -eu
folder=$1 python=$2
export PYTHONPATH="$3"
if [ -e "$folder/pid" ]; then
    kill -KILL "$(cat "$folder/pid")" 2>/dev/null || true
    rm -f "$folder/control"
fi
: >"$folder/log"
cd "$folder"
setsid "$python" -u -m reftarget --config "$folder/reftarget.toml" \
    --control-socket "$folder/control" >>"$folder/log" 2>&1 </dev/null &
echo $! >"$folder/pid"
tries=0
until grep -q '^ready ' "$folder/log"; do
    tries=$((tries + 1))
    [ "$tries" -lt 300 ] || { echo "it is not ready"; exit 1; }
    sleep 0.1
done
