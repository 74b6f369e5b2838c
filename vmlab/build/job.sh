# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# Runs a command of a build, and leaves its process group and its exit code in files.
# Arguments: the folder of those files, the command's working directory, its log, then
# its environment as NAME=VALUE and the command itself.
trap : TERM
folder=$1 place=$2 log=$3
shift 3
cd "$folder" || exit
echo $$ > group.new && mv group.new group
(cd "$place" && exec env -i "$@") >> "$log" 2>&1
echo $? > code.new && mv code.new code
