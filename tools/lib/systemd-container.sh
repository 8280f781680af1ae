# A Debian 12 with systemd, in a container that is a machine as far as one can be.
# Sourced; NAME is the container's, IMAGE that of its image.
# shellcheck shell=bash

# What a Debian of the installer has, and debootstrap's minbase lacks.
PACKAGES=systemd,systemd-sysv,dbus,sudo,git,ca-certificates,iproute2,iputils-ping,procps,kmod

make_image() {
    ! docker image inspect "$IMAGE" >/dev/null 2>&1 || return 0
    local work
    work=$(mktemp -d)
    debootstrap --variant=minbase --include="$PACKAGES" bookworm "$work"
    tar -C "$work" -c . | docker import - "$IMAGE"
    rm -rf "$work"
}

# start_container [OPTION OF DOCKER RUN]...
# Every capability but the one that the machine itself may lack, so that it also runs
# where --privileged is refused. COPY names files of this machine that it needs too.
start_container() {
    docker run --detach --name "$NAME" --hostname "$NAME" --env container=docker \
        --cap-add ALL --cap-drop SYS_RESOURCE --cgroupns private \
        --security-opt seccomp=unconfined --security-opt systempaths=unconfined \
        --security-opt apparmor=unconfined --device-cgroup-rule 'a *:* rwm' \
        --sysctl net.ipv6.conf.all.disable_ipv6=0 --sysctl net.ipv6.conf.default.disable_ipv6=0 \
        --tmpfs /run --tmpfs /run/lock --volume /var/lib/docker "$@" \
        --stop-signal SIGRTMIN+3 "$IMAGE" /lib/systemd/systemd >/dev/null
    local file
    for file in ${COPY:-}; do
        tar -C / -ch "${file#/}" | docker exec -i "$NAME" tar -C / -x
    done
    make_a_machine
}

# What a machine has and a container of Docker's lacks; again after each of its starts.
make_a_machine() {
    docker exec -i "$NAME" bash -eu <<'END'
mount -o remount,bind,rw /sys
for cgroup in /sys/fs/cgroup /sys/fs/cgroup/*; do
    ! mountpoint -q "$cgroup" || mount -o remount,bind,rw "$cgroup"
done
mount --make-rshared /
mkdir -p /dev/net
[[ -e /dev/net/tun ]] || mknod -m 666 /dev/net/tun c 10 200
[[ -e /dev/fuse ]] || mknod -m 666 /dev/fuse c 10 229
sysctl -q -w net.ipv4.ip_forward=1
END
}

end_container() {
    docker rm -f -v "$NAME" >/dev/null
}
