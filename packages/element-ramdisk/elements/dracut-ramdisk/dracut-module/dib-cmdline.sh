# dracut's init sources this. It is told of a root that it will not come to: our step ends before.
root=/dev/zero
rootok=1

# PXELINUX writes ip=CLIENT:SERVER:GATEWAY:NETMASK, dracut wants three parts more.
sed -E 's/(^| )(ip=[0-9.]+:[0-9.]*:[0-9.]*:[0-9.]*)( |$)/\1\2:::off\3/' /proc/cmdline >/run/cmdline
mount -n --bind -o ro /run/cmdline /proc/cmdline
CMDLINE=
