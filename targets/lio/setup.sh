# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# LIO, set up through configfs alone.
core=/sys/kernel/config/target/core
fabric=/sys/kernel/config/target/iscsi
store=/var/store

mount -t configfs none /sys/kernel/config
mkdir -p $fabric $store /var/target/pr /var/target/alua

# The kernel only writes the files of APTPL reservations. What it takes back is one line a
# registration, with decimal numbers, before anything exports the unit.
# Arguments: the unit's serial number, its device.
restore_reservations() {
    saved=/var/target/pr/aptpl_$1
    [ -e "$saved" ] || return 0
    while read -r pair; do
        case "$pair" in
            PR_REG_START*) line= ;;
            PR_REG_END*) echo "$line" > "$2/pr/res_aptpl_metadata" ;;
            res_type=0*) line="$line,res_type=${pair#res_type=0}" ;;
            *=*) line="$line,$pair" ;;
        esac
    done < "$saved"
}

# Makes a device. Arguments: its name, its LUN, its driver, bytes, bytes of a block.
unit() {
    device=$core/$3_$2/$1
    file=$store/$1
    mkdir -p "$device"
    if [ "$3" != rd_mcp ]; then
        [ -e "$file" ] || truncate -s "$4" "$file"
    fi
    case $3 in
        fileio)
            control=fd_dev_name=$file,fd_dev_size=$4,fd_buffered_io=1
            ;;
        rd_mcp)
            control=rd_pages=$(($4 / 4096))
            ;;
        iblock)
            loop=$(losetup -f)
            losetup "$loop" "$file"
            control=udev_path=$loop
            ;;
    esac
    echo "$control" > "$device/control"
    echo 1 > "$device/enable"
    # Its number in EVPD pages stays over restarts: APTPL files are named by it.
    echo "assay-$1" > "$device/wwn/vpd_unit_serial"
    restore_reservations "assay-$1" "$device"
    echo 1 > "$device/attrib/emulate_3pc"
    # Memory cannot be deallocated.
    if [ "$3" != rd_mcp ]; then
        echo 1 > "$device/attrib/emulate_tpu"
        echo 1 > "$device/attrib/emulate_tpws"
    fi
    if [ "$5" != 512 ]; then
        echo "$5" > "$device/attrib/block_size"
    fi
}

# Begins a portal group. Arguments: the target name, the tag, 1 for CHAP (else 0), portals.
group() {
    group=$fabric/$1/tpgt_$2
    mkdir -p "$group"
    authentication=$3
    shift 3
    for portal in "$@"; do
        mkdir "$group/np/$portal"
    done
    echo 1 > "$group/attrib/generate_node_acls"
    echo 1 > "$group/attrib/cache_dynamic_acls"
    echo 0 > "$group/attrib/demo_mode_write_protect"
    echo 2 > "$group/attrib/default_erl"
    # Seconds, the least it takes: an unfinished login holds up all others.
    echo 5 > "$group/attrib/login_timeout"
    echo "$authentication" > "$group/attrib/authentication"
    echo CRC32C,None > "$group/param/HeaderDigest"
    echo CRC32C,None > "$group/param/DataDigest"
    echo 2 > "$group/param/ErrorRecoveryLevel"
    echo 8 > "$group/param/MaxConnections"
    echo No > "$group/param/InitialR2T"
}

# Sets a name or a secret of CHAP in the group. Arguments: the file, the value.
credential() {
    printf %s "$2" > "$group/auth/$1"
}

# Lets no initiator into the group, and tells none of it, but those that `initiator` names.
close_to_others() {
    echo 0 > "$group/attrib/generate_node_acls"
    echo 0 > "$group/attrib/demo_mode_discovery"
}

# Begins what holds for one initiator of the group. Arguments: its name.
initiator() {
    acl=$group/acls/$1
    mkdir "$acl"
}

# Has the initiator see a unit of the group. Arguments: its LUN.
mapped() {
    mkdir "$acl/lun_$1"
    ln -s "$group/lun/lun_$1" "$acl/lun_$1/unit"
    echo 0 > "$acl/lun_$1/write_protect"
}

# Sets a name or a secret of CHAP for the initiator. Arguments: the file, the value.
its_credential() {
    printf %s "$2" > "$acl/auth/$1"
}

# Pings the initiator again and again. Arguments: seconds between two pings, at least 3.
its_pings() {
    echo "$1" > "$acl/attrib/nopin_timeout"
}

# Sets a name or a secret of CHAP for discovery. Arguments: the file, the value.
discovery() {
    printf %s "$2" > $fabric/discovery_auth/"$1"
    echo 1 > $fabric/discovery_auth/enforce_discovery_auth
}

# Puts a device into the group. Arguments: as `unit`.
lun() {
    mkdir "$group/lun/lun_$2"
    ln -s "$core/$3_$2/$1" "$group/lun/lun_$2/$1"
}

# Puts a unit of the group into a target port group of its own. Arguments: as `unit`.
own_ports() {
    ports=$core/$3_$2/$1/alua/second
    mkdir -p "$ports"
    echo 2 > "$ports/tg_pt_gp_id"
    echo second > "$group/lun/lun_$2/alua_tg_pt_gp"
}

enable() {
    echo 1 > "$group/enable"
}
