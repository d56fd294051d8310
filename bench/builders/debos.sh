#!/usr/bin/env bash
# debos on the host itself, without a machine of its own: MBR, ext4, GRUB.
#   PACKAGES="…" debos.sh FOLDER MIRROR   the image is FOLDER/image.qcow2
builder=debos
. "$(dirname "$0")/common.sh"

mkdir -p /dev/disk
cat > image.yaml << END
architecture: amd64
actions:
  - action: debootstrap
    suite: bookworm
    components: [main]
    mirror: $mirror
    variant: minbase
  - action: run
    chroot: true
    command: echo "${later_suites//$'\n'/\\n}" > /etc/apt/sources.list.d/later.list
  - action: apt
    recommends: false
    packages: [$(commas)]
  - action: run
    chroot: true
    command: echo bench > /etc/hostname; $late
  - action: image-partition
    imagename: disk.raw
    imagesize: 3GB
    partitiontype: msdos
    mountpoints: [{mountpoint: /, partition: root}]
    partitions: [{name: root, fs: ext4, start: 1MiB, end: 100%, flags: [boot]}]
  - action: filesystem-deploy
    append-kernel-cmdline: console=ttyS0
  - action: run
    chroot: true
    command: grub-install --target=i386-pc \$IMAGE && update-grub
END
debos --disable-fakemachine --artifactdir="$folder" image.yaml
to_qcow2 disk.raw
