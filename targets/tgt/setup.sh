# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# tgtd, set up by tgtadm. DIED is what the console says first when tgtd has ended.
store=/var/store
mkdir -p $store
# Not below /var, where a loss of power would leave it.
export TGT_IPC_SOCKET=/run/tgtd

admin() {
    tgtadm --lld iscsi "$@"
}

# Runs tgtd to its end, and says on the console how it has ended.
run() {
    code=0
    tgtd -f --iscsi "$1" || code=$?
    how="ended with code $code"
    [ $code -le 128 ] || how="was killed by SIG$(kill -l $((code - 128)))"
    # A prompt may stand on the console's last line.
    printf '\n%s tgtd %s\n' "$DIED" "$how" > /dev/console
}

# Starts tgtd. Arguments: its portals.
start() {
    words=
    for portal in "$@"; do
        words=$words${words:+,}portal=$portal
    done
    run "$words" > /dev/null 2>&1 &
    tries=200
    until admin --op show --mode portal > /tmp/portals 2>&1; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || { echo "tgtd does not answer"; exit 1; }
        sleep 0.1
    done
    # Where it cannot bind it listens at 0.0.0.0:3260 instead, and says nothing.
    for portal in "$@"; do
        grep -q "$portal" /tmp/portals || { echo "tgtd is not at $portal"; exit 1; }
    done
}

# Makes a CHAP account. Arguments: the name, the secret.
account() {
    admin --op new --mode account --user "$1" --password "$2"
}

# Makes a target. Arguments: its number, its name.
target() {
    admin --op new --mode target --tid "$1" --targetname "$2"
    for key in HeaderDigest DataDigest; do
        admin --op update --mode target --tid "$1" --name $key --value CRC32C,None
    done
}

# Makes a unit. Arguments: the target's number, the LUN, a name, what keeps its blocks
# (file, memory or block), bytes, bytes of a block.
unit() {
    path=$store/$3
    if [ "$4" = memory ]; then
        path=/tmp/$3
    fi
    [ -e "$path" ] || truncate -s "$5" "$path"
    if [ "$4" = block ]; then
        loop=$(losetup -f)
        losetup "$loop" "$path"
        path=$loop
    fi
    admin --op new --mode logicalunit --tid "$1" --lun "$2" \
        --backing-store "$path" --blocksize "$6"
}

# Has a target ask for an account. Arguments: the target's number, the name, and
# --outgoing for the target's own account.
ask() {
    tid=$1 user=$2
    shift 2
    admin --op bind --mode account --tid "$tid" --user "$user" "$@"
}

# Lets every initiator in. Arguments: the target's number.
open() {
    admin --op bind --mode target --tid "$1" --initiator-address ALL
}
