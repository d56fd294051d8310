#!/usr/bin/env bash
# A caching apt proxy on loopback, so that every builder gets its packages at the same speed.
#   apt-cache.sh FOLDER PORT   runs apt-cacher-ng in the foreground; /debian and /debian-security are the host's own mirrors
set -euo pipefail
folder=$1 port=$2
mkdir -p "$folder"/{conf,cache,log}

# The mirrors that this host installs from; none is written down here.
mirror() {
  { cat /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources} 2>/dev/null || true; } |
    grep -oE "https?://\S+/$1/?(\s|$)" | awk 'NR == 1 { print $1 }'
}
main=$(mirror debian) security=$(mirror debian-security)

cat >"$folder/conf/acng.conf" <<CONF
CacheDir: $folder/cache
LogDir: $folder/log
SupportDir: /usr/lib/apt-cacher-ng
BindAddress: 127.0.0.1
Port: $port
Remap-main: /debian ; ${main%/}
Remap-security: /debian-security ; ${security%/}
ForceManaged: 1
FreshIndexMaxAge: 86400
ForeGround: 1
CONF
exec /usr/sbin/apt-cacher-ng -c "$folder/conf"
