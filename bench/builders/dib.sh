#!/usr/bin/env bash
# Builds `debian-minimal vm` with a disk-image-create, from nothing: that of the released diskimage-builder (Debian's
# python3-diskimage-builder), or the one named.
#   dib.sh FOLDER MIRROR [disk-image-create…]   the image is FOLDER/image.qcow2, or of another FORMAT; FOLDER must be new
# Runs in a mount namespace of its own: there the stand-ins lie over kpartx and dmsetup when the kernel has no device
# mapper, and whatever a failed build leaves mounted goes with the namespace.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

if [ "${DIB_BENCH_INSIDE:-}" != yes ]; then
  exec env DIB_BENCH_INSIDE=yes unshare --mount --propagation private "${BASH_SOURCE[0]}" "$@"
fi

folder=$1 mirror=$2
shift 2
create=("${@:-disk-image-create}")
if ! grep -qw device-mapper /proc/devices; then
  for tool in kpartx dmsetup; do mount --bind "$here/../stand-ins/dib/$tool" "$(command -v "$tool")"; done
fi

mkdir -p "$folder"/{cache,tmp}
export DIB_RELEASE=bookworm ARCH=amd64 TMP_DIR=$folder/tmp DIB_IMAGE_CACHE=$folder/cache DIB_LOCKFILES=$folder/cache/locks
export DIB_DISTRIBUTION_MIRROR=$mirror DIB_DEBIAN_SECURITY_MIRROR=$mirror-security
# 3.13 looks for bookworm's security suite where buster had it, so the sources are written out.
export DIB_APT_SOURCES_CONF="default:deb $mirror bookworm main
backports:deb $mirror bookworm-backports main
updates:deb $mirror bookworm-updates main
security:deb $mirror-security bookworm-security main"
# Newer releases of diskimage-builder default to mmdebstrap; any value here keeps them at debootstrap, as 3.13 is.
if [ "${create[0]}" = disk-image-create ]; then export DIB_DEBOOTSTRAP_EXTRA_ARGS=--merged-usr; fi
# ELEMENTS: more of them, found in EXTRA_ELEMENTS.
export ELEMENTS_PATH=${EXTRA_ELEMENTS:+$EXTRA_ELEMENTS${ELEMENTS_PATH:+:}}${ELEMENTS_PATH:-}
if [ -z "$ELEMENTS_PATH" ]; then unset ELEMENTS_PATH; fi
# shellcheck disable=SC2086 # names separated by white space
exec "${create[@]}" -o "$folder/image" -t "${FORMAT:-qcow2}" debian-minimal vm ${ELEMENTS:-} </dev/null
