export DISTRO_NAME=debian
export DIB_RELEASE=${DIB_RELEASE:-bookworm}
export DIB_INIT_SYSTEM=systemd
export EFI_BOOT_DIR=EFI/debian
export DIB_DEBIAN_COMPONENTS=${DIB_DEBIAN_COMPONENTS:-main}
export DIB_DISTRIBUTION_MIRROR=${DIB_DEBIAN_DISTRIBUTION_MIRROR:-${DIB_DISTRIBUTION_MIRROR:-}}
# The packages that DIB installs with the base; here they are part of the bootstrap.
export DIB_DEBOOTSTRAP_INCLUDE=${DIB_DEBOOTSTRAP_INCLUDE:-systemd-sysv busybox sudo gnupg python3}
export DIB_DEBIAN_KERNEL=${DIB_DEBIAN_KERNEL:-generic}
