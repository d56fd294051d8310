#!/bin/sh -eu
# Runs in the guest's root, before it becomes a disk: an initramfs that knows the disk it is on, and no more.
kernel=$1
depmod "$kernel"
work=$(mktemp -d)
mkdir "$work/bin" "$work/dev" "$work/new"
cp /bin/busybox "$work/bin/busybox"
for module in virtio_pci virtio_blk ext4; do modprobe -S "$kernel" --show-depends "$module"; done |
  sed -n 's/^insmod \([^ ]*\).*/\1/p' | while read -r file; do
  cp "$file" "$work/"
  echo "/${file##*/}"
done > "$work/modules"
cat > "$work/init" <<'END'
#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
while read -r module; do /bin/busybox insmod "$module" 2>/dev/null; done < /modules
/bin/busybox mount -t ext4 /dev/vda /new
/bin/busybox umount /dev
exec /bin/busybox switch_root /new /sbin/job
END
chmod 755 "$work/init"
cd "$work"
find . | cpio --quiet -o -H newc > /initramfs
rm -r "$work"

cat > /usr/sbin/job <<'END'
#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
modprobe 9pnet_virtio
mkdir -p /job
mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,access=any job /job
exec sh /job/init
END
chmod 755 /usr/sbin/job
