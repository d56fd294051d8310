export DISTRO_NAME=debian
export DIB_RELEASE=${DIB_RELEASE:?}
export DIB_INIT_SYSTEM=systemd
