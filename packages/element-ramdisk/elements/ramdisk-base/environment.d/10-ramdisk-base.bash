# What Debian's kernel packages ask before they make the image an initramfs of its own, which takes a minute. Here the
# ramdisk takes its place; INITRD=Yes is for an element that looks for it, and for a tar of the tree.
if [ "${IS_RAMDISK:-0}" = 1 ]; then
    export INITRD=${INITRD:-No}
fi
