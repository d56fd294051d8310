export DIB_UBUNTU_MIRROR_DISTS=${DIB_UBUNTU_MIRROR_DISTS-updates,security,backports}
# All suites at once: what is newer in one of them is installed in the first place.
if [ -z "${DIB_APT_SOURCES_CONF:-}" ]; then
  DIB_APT_SOURCES_CONF="ubuntu:deb $DIB_DISTRIBUTION_MIRROR $DIB_RELEASE ${DIB_DEBIAN_COMPONENTS//,/ }"
  for dist in ${DIB_UBUNTU_MIRROR_DISTS//,/ }; do
    DIB_APT_SOURCES_CONF+=$'\n'"ubuntu-$dist:deb $DIB_DISTRIBUTION_MIRROR $DIB_RELEASE-$dist ${DIB_DEBIAN_COMPONENTS//,/ }"
  done
  export DIB_APT_SOURCES_CONF
fi
# The packages that DIB installs with the base; here they are part of the bootstrap.
export DIB_DEBOOTSTRAP_INCLUDE=${DIB_DEBOOTSTRAP_INCLUDE:-systemd-sysv busybox sudo python3}
