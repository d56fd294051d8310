#!/usr/bin/env bash
# The pipeline that one writes by hand: mmdebstrap, mke2fs -d, a boot loader by grub-mkimage, qemu-img -c. In tmpfs.
#   PACKAGES="…" by-hand.sh FOLDER MIRROR   the image is FOLDER/image.qcow2, or FOLDER/image.tar with FORMAT=tar
builder=by-hand
. "$(dirname "$0")/common.sh"

mkdir work
mount -t tmpfs -o mode=755 tmpfs work
root=work/root image=work/disk.raw
mmdebstrap --quiet --variant=minbase --include="$(commas)" --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr bookworm "$root" \
  "deb $mirror bookworm main" "deb $mirror bookworm-updates main" "deb $mirror-security bookworm-security main"
echo bench > "$root/etc/hostname"
echo 'LABEL=root / ext4 defaults 0 1' > "$root/etc/fstab"
kernel=$(basename "$root"/boot/vmlinuz-*) initramfs=$(basename "$root"/boot/initrd.img-*)
mkdir -p "$root/boot/grub"
cat > "$root/boot/grub/grub.cfg" << END
set timeout=0
menuentry debian {
  linux /boot/$kernel root=LABEL=root ro console=ttyS0,115200
  initrd /boot/$initramfs
}
END
chroot "$root" sh -c "$late"

if [ "${FORMAT:-qcow2}" = tar ]; then
  tar -C "$root" --xattrs --numeric-owner -cf image.tar .
  exit
fi
mib=$(($(du -sxm "$root" | cut -f1) * 10 / 6 + 64))
truncate -s "$((mib + 1))M" "$image"
echo '2048,,L,*' | sfdisk -q "$image"
mke2fs -q -t ext4 -L root -J size=64 -d "$root" -E offset=1048576 -F "$image" "$((mib * 1024))k"
grub-mkimage -O i386-pc -p '(hd0,msdos1)/boot/grub' -o work/core.img biosdisk part_msdos ext2 normal linux configfile search serial
dd if=/usr/lib/grub/i386-pc/boot.img of="$image" bs=440 count=1 conv=notrunc status=none
dd if=work/core.img of="$image" bs=512 seek=1 conv=notrunc status=none
to_qcow2 "$image"
umount work
