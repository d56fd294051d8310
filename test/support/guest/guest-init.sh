#!/bin/sh
# Process 1 of the guest, once the job's folder is there: mounts what a system has, runs the command of the job, leaves
# its results in the folder, powers off.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
ln -s /proc/self/fd /dev/fd
ln -s fd/0 /dev/stdin
ln -s fd/1 /dev/stdout
ln -s fd/2 /dev/stderr
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock
modprobe -a virtio_net virtio_rng loop

if ! blkid /dev/vdb > /dev/null; then mkfs.ext4 -q -E nodiscard /dev/vdb; fi # else it is one that a guest before this wrote
mount /dev/vdb /var/tmp
chmod 1777 /var/tmp
mkdir -p -m 1777 /var/tmp/tmp
mount --bind /var/tmp/tmp /tmp
while read -r tag options folder; do
  mkdir -p "$folder"
  mount -t 9p -o "trans=virtio,version=9p2000.L,msize=512000,$options" "$tag" "$folder"
done < /job/shares

ip link set lo up
device=$(cd /sys/class/net && ls -d e*)
ip link set "$device" up
ip address add 10.0.2.15/24 dev "$device"
ip route add default via 10.0.2.2
echo nameserver 10.0.2.3 > /etc/resolv.conf
echo 127.0.0.1 localhost guest > /etc/hosts
hostname guest
if [ -e /job/udev ]; then
  /lib/systemd/systemd-udevd --daemon
  udevadm trigger --action=add
  udevadm settle
fi

cd /var/tmp || exit
setsid sh /job/command < /dev/null > /job/stdout 2> /job/stderr
echo $? > /job/exit-code
sync
busybox poweroff -f
