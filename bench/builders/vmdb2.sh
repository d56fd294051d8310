#!/usr/bin/env bash
# vmdb2: MBR, ext4, GRUB.
#   PACKAGES="…" vmdb2.sh FOLDER MIRROR   the image is FOLDER/image.qcow2
builder=vmdb2
. "$(dirname "$0")/common.sh"

cat > image.yaml << END
steps:
  - mkimg: "{{ output }}"
    size: 3G
  - mklabel: msdos
    device: "{{ output }}"
  - mkpart: primary
    device: "{{ output }}"
    start: 1MiB
    end: 100%
    tag: rootfs
  - kpartx: "{{ output }}"
  - mkfs: ext4
    partition: rootfs
    label: root
  - mount: rootfs
  - debootstrap: bookworm
    mirror: $mirror
    variant: minbase
    target: rootfs
  - chroot: rootfs
    shell: |
      echo "${later_suites//$'\n'/\\n}" > /etc/apt/sources.list.d/later.list
  - apt: install
    packages: [$(commas)]
    recommends: false
    tag: rootfs
  - chroot: rootfs
    shell: |
      echo bench > /etc/hostname
      $late
  - fstab: rootfs
  - grub: bios
    tag: rootfs
    console: serial
END
vmdb2 --output disk.raw --log vmdb2.log image.yaml
to_qcow2 disk.raw
