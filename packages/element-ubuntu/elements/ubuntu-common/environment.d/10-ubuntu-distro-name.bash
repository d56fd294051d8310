export DISTRO_NAME=ubuntu
export DIB_RELEASE=${DIB_RELEASE:-noble}
export DIB_DEBIAN_COMPONENTS=${DIB_DEBIAN_COMPONENTS:-main,universe}
export EFI_BOOT_DIR=EFI/ubuntu
# Architectures other than x86 have a mirror of their own.
case ${ARCH:-amd64} in
  amd64 | x86_64 | i386) : "${DIB_DISTRIBUTION_MIRROR:=http://archive.ubuntu.com/ubuntu}" ;;
  *) : "${DIB_DISTRIBUTION_MIRROR:=http://ports.ubuntu.com/ubuntu-ports}" ;;
esac
export DIB_DISTRIBUTION_MIRROR
