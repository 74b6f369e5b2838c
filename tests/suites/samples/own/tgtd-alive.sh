#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Says whether the tgtd of tgtd.sh runs. usage: tgtd-alive.sh FOLDER
kill -0 "$(cat "$1/pid")" 2>/dev/null && exit 0
for _ in 1 2 3 4 5 6 7 8 9 10; do
    [ -s "$1/ended" ] && break
    sleep 0.1
done
cat "$1/ended"
exit 1
