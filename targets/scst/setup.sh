# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# SCST, set up through sysfs or by scstadmin. ROOT is SCST's folder in sysfs, DIED what the
# console says first when the daemon has ended, FOLDERS what SCST keeps its state in.
store=/var/store
tenths=200

# The daemon says what it has to say to the log, and its number there.
syslogd -O /dev/console
[ -e /var/run ] || ln -s /run /var/run
# SCST looks for them when it is loaded, before there is a disk at /var.
# shellcheck disable=SC2086  # one word a folder
mkdir -p $FOLDERS $store

# Writes a text to a file of sysfs. SCST ends a write that takes it long with EAGAIN, goes
# on, and tells the result in last_sysfs_mgmt_res.
# Arguments: the text, the file.
put() {
    said=$( (echo "$1" > "$2") 2>&1 ) && return
    case "$said" in
        *"temporarily unavailable"*) ;;
        *) echo "$2 does not take '${1%% *}': ${said##*: }"; return 1 ;;
    esac
    i=0
    until said=$(cat "$ROOT/last_sysfs_mgmt_res" 2> /dev/null); do
        i=$((i + 1))
        [ $i -lt $tenths ] || { echo "$2 does not come to an end"; return 1; }
        sleep 0.1
    done
    [ "$said" = 0 ] || { echo "$2 does not take '${1%% *}': $said"; return 1; }
}

# Makes the file behind a unit. Arguments: the unit's number, bytes, and block for a block
# device over the file.
backing() {
    file=$store/disk$1
    loop=/dev/loop$1
    [ -e "$file" ] || truncate -s "$2" "$file"
    if [ "$3" = block ]; then
        [ -b "$loop" ] || mknod "$loop" b 7 "$1"
        losetup "$loop" "$file"
    fi
}

# Starts the daemon and waits until the kernel knows it. Arguments: the program, the port.
start() {
    "$1" -p "$2"
    i=0
    until grep -q '^open' "$ROOT/targets/iscsi/open_state"; do
        i=$((i + 1))
        [ $i -lt $tenths ] || { echo "iscsi-scstd is not there"; exit 1; }
        sleep 0.1
    done
}

# Sets SCST up by scstadmin. Arguments: the program, the folder of its Perl module.
configure() {
    export PERL5LIB="$2"
    log=/tmp/scstadmin.log
    perl "$1" -noprompt -config /etc/scst.conf > $log 2>&1 || {
        grep . $log
        echo "scstadmin failed: $(grep . $log | tail -n 1)"
        exit 1
    }
}

# Says on the console when the daemon has ended.
watch() {
    pid=$(cat /var/run/iscsi-scstd.pid)
    {
        while kill -0 "$pid"; do sleep 0.5; done
        # A prompt may stand on the console's last line.
        printf '\n%s iscsi-scstd\n' "$DIED" > /dev/console
    } > /dev/null 2>&1 &
}
