#!/usr/bin/env bash
# mkosi of Debian 12: GPT, ext4, its own boot loader. INCREMENTAL=yes keeps and takes its incremental images in FOLDER.
#   PACKAGES="…" mkosi.sh FOLDER MIRROR   the image is FOLDER/image.qcow2
builder=mkosi
. "$(dirname "$0")/common.sh"

printf '#!/bin/sh\necho bench > /etc/hostname\n%s\n' "$late" > mkosi.postinst
chmod +x mkosi.postinst
mkdir -p cache workspace
options=()
for package in "${packages[@]}"; do options+=(-p "$package"); done
if [ "${INCREMENTAL:-}" = yes ]; then options+=(-i); fi
mkosi --force "${options[@]}" -d debian -r bookworm -m "$mirror" --format=gpt_ext4 --bootable=yes --root-size=2400M --password=bench \
  --cache="$folder/cache" --workspace-dir="$folder/workspace" -o "$folder/image.raw" --with-network=yes build
to_qcow2 image.raw
