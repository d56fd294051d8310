# For the builders beside this: `common.sh NAME` puts the stand-ins of stand-ins/NAME first in PATH, in a mount namespace of its
# own, so that what a failed build leaves mounted goes with it. Sourced, with "$0" and "$@" those of the builder.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

if [ "${DIB_BENCH_INSIDE:-}" != yes ]; then
  exec env DIB_BENCH_INSIDE=yes unshare --mount --propagation private "$0" "$@"
fi

folder=$1 mirror=$2
mkdir -p "$folder"
cd "$folder"
export PATH=$here/../stand-ins/$builder:$here/../stand-ins/partitions:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin
read -ra packages <<< "${PACKAGES:?names separated by white space}"
# A command of the last step of the image, which a late change is a change to.
late=${LATE:-true}

# What comes after debootstrap, which knows the main suite only.
later_suites="deb $mirror bookworm-updates main
deb $mirror-security bookworm-security main"

commas() { local IFS=,; echo "${packages[*]}"; }

to_qcow2() {
  qemu-img convert -c -f raw -O qcow2 "$1" image.qcow2
  rm -f "$1"
}
