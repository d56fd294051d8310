#!/usr/bin/env bash
# mkosi of Debian 12: GPT, ext4, without a boot loader, as its own wants dracut in place of the initramfs-tools of the list. INCREMENTAL=yes keeps and takes its incremental images in FOLDER.
#   PACKAGES="…" mkosi.sh FOLDER MIRROR   the image is FOLDER/image.qcow2
builder=mkosi
. "$(dirname "$0")/common.sh"

printf '#!/bin/sh\necho bench > /etc/hostname\n%s\n' "$late" > mkosi.postinst
chmod +x mkosi.postinst
mkdir -p cache workspace mkosi.skeleton/etc/apt/sources.list.d
# It names these two files itself, and the public mirror of security in the second.
for suite in updates security; do
  grep "bookworm-$suite" <<< "$later_suites" > "mkosi.skeleton/etc/apt/sources.list.d/bookworm-$suite.list"
done
options=(--remove-package=systemd-resolved) # it adds that by itself
for package in "${packages[@]}"; do options+=(-p "$package"); done
if [ "${INCREMENTAL:-}" = yes ]; then options+=(-i); fi
mkosi --force "${options[@]}" -d debian -r bookworm -m "$mirror" --format=gpt_ext4 --bootable=no --root-size=2400M --password=bench \
  --cache="$folder/cache" --workspace-dir="$folder/workspace" -o "$folder/image.raw" --with-network=yes build
to_qcow2 image.raw
