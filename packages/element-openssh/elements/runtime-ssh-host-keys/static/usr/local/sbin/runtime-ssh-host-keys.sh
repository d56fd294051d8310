#!/bin/sh
# Makes the SSH host keys that are missing. Each image starts without any: two machines never share one.
set -eu

for type in ed25519 ecdsa rsa; do
  file=/etc/ssh/ssh_host_${type}_key
  if [ ! -s "$file" ]; then
    # A key that a crash left empty is in the way: ssh-keygen would ask.
    rm -f "$file" "$file.pub"
    ssh-keygen -q -f "$file" -N '' -t "$type"
  fi
done
