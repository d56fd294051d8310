#!/bin/bash
# Of dracut's own format: it sources this and calls the functions.
# dib-lint: disable=sete setu setpipefail

check() {
  return 0
}

depends() {
  return 0
}

install() {
  inst_hook cmdline 80 "$moddir/dib-cmdline.sh"
  inst_hook pre-mount 50 "$moddir/init.sh"
}
