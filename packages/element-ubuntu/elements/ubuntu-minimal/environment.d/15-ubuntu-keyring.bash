# Ubuntu hosts have the archive's keys; elsewhere root.d/07-ubuntu-keyring puts them here.
if [ -z "${DIB_APT_KEYRING:-}" ] && [ ! -r /usr/share/keyrings/ubuntu-archive-keyring.gpg ] && [ -n "${DIB_IMAGE_CACHE:-}" ]; then
  export DIB_APT_KEYRING=$DIB_IMAGE_CACHE/ubuntu-keyring/archive.gpg
fi
