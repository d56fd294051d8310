/** Disks with LVM and LUKS, built by dib in a guest and read there with the host's own programs. */
import { expect, test } from "vitest";
import { anElement } from "../../support/build-fixture.js";
import { repository, runInGuest, type GuestResult } from "../../support/guest/guest.js";
import { tempFolder } from "../../support/temp-folder.js";

const passphrase = "correct horse battery";

const toyOs = anElement("toy-os")
  .provides("operating-system")
  .script(
    "root.d/10-toy-os",
    `set -euo pipefail
mkdir -p "$TARGET_ROOT"/{bin,usr/bin,etc,tmp,proc,sys,dev,root,run,var/lib,boot}
cp /bin/busybox "$TARGET_ROOT/bin/"
for name in sh ls cat mkdir mount umount sleep; do ln -s busybox "$TARGET_ROOT/bin/$name"; done
cp /bin/bash /bin/env "$TARGET_ROOT/usr/bin/"
for program in bash env; do
  ldd "/bin/$program" | grep -o '/[^ ]*' | while read -r library; do install -D "$library" "$TARGET_ROOT$library"; done
done
ln -s /usr/bin/bash "$TARGET_ROOT/bin/bash"
echo told > "$TARGET_ROOT/etc/told"
echo kept > "$TARGET_ROOT/var/lib/kept"`,
  )
  .script(
    "finalise.d/50-show",
    "set -eu; ls /dev/mapper > /etc/mapped; ls -l /dev/mapper >&2; sleep ${DIB_TOY_SLEEP:-0}",
  );

const start = `
- local_loop:
    name: image0
- partitioning:
    base: image0
    label: gpt
    partitions:
      - name: first
        size: 200MiB
      - name: second
        size: 100%
`;

const mkfs = (name: string, base: string, mountPoint: string, type = "ext4") => `
- mkfs:
    name: ${name}
    base: ${base}
    type: ${type}
    mount:
      mount_point: ${mountPoint}
      fstab:
        options: defaults
`;

const lvm = `${start}
- lvm:
    name: lvm
    base: [ first ]
    pvs:
      - { name: pv1, base: first, options: ["--force"] }
      - { name: pv2, base: second, options: ["--force"] }
    vgs:
      - { name: my-vg, base: [pv1, pv2], options: ["--force"] }
    lvs:
      - { name: lv_root, base: my-vg, size: 150M }
      - { name: lv_swap, base: my-vg, size: 17MiB }
      - { name: lv-var, base: my-vg, extents: 100%FREE }
${mkfs("fs_root", "lv_root", "/")}${mkfs("fs_var", "lv-var", "/var")}${mkfs("swap", "lv_swap", "none", "swap")}`;

const thin = `${start}
- lvm:
    name: lvm
    pvs:
      - { name: pv, base: second }
    vgs:
      - { name: vg, base: [pv] }
    lvs:
      - { name: pool, type: thin-pool, base: vg, size: 200MiB }
      - { name: root, type: thin, thin-pool: pool, base: vg, size: 400MiB }
      - { name: lib, type: thin, thin-pool: pool, base: vg, size: 400MiB }
${mkfs("fs_root", "root", "/")}${mkfs("fs_lib", "lib", "/var/lib")}`;

const luks = (name: string, base: string) => `
- luks:
    name: ${name}
    base: ${base}
    passphrase: { variable: DIB_TOY_PASSPHRASE }
    pbkdf: pbkdf2
    options: [ "--iter-time=10" ]
    crypttab: { options: "luks,initramfs" }
`;

const lvmOnLuks = `${start}${luks("crypt_pv", "second")}
- lvm:
    name: lvm
    pvs: [ { name: pv, base: crypt_pv } ]
    vgs: [ { name: vg, base: [pv] } ]
    lvs: [ { name: root, base: vg, extents: 100%FREE } ]
${mkfs("fs_root", "root", "/")}${mkfs("boot", "first", "/boot")}`;

const luksOnLvm = `${start}
- lvm:
    name: lvm
    pvs: [ { name: pv, base: second } ]
    vgs: [ { name: vg, base: [pv] } ]
    lvs: [ { name: root, base: vg, extents: 100%FREE } ]
${luks("crypt_root", "root")}${mkfs("fs_root", "crypt_root", "/")}`;

/** `build LAYOUT` makes LAYOUT.raw; `left` says what of it the guest still has; `attach LAYOUT` gives its partitions. */
const functions = `
cd /var/tmp
modprobe dm_mod
[ -e /run/udev/control ] || export DM_DISABLE_UDEV=1
export DIB_TOY_PASSPHRASE="${passphrase}" DIB_IMAGE_CACHE=/var/tmp/cache
build() {
  ELEMENTS_PATH=/job-elements DIB_BLOCK_DEVICE_CONFIG=file:///job/$1.yaml \\
    node ${repository}/packages/cli/bin/dib.js build -n toy-os -o "$1" -t raw --image-size 1 --logfile "$1.log" > out 2>&1
  code=$?
  echo "$1: $code"
  if [ $code != "\${2:-0}" ]; then tail -n 40 out "$1.log" >&2; exit 1; fi
}
left() { echo "left: $(dmsetup ls | grep -v '^No devices') $(losetup -n -O NAME) $(grep -c /dev/mapper /proc/mounts) $(ls /dev/mapper | grep -v control) $(ls -d /dev/my-vg /dev/vg 2>/dev/null)"; }
attach() { loop=$(losetup --show -P -f "$1.raw"); udevadm settle 2>/dev/null; }
detach() { losetup -d "$loop"; }
`;

async function inGuest(command: string, hasUdev: boolean): Promise<GuestResult> {
  await using folder = await tempFolder();
  toyOs.writeTo(folder.path);
  const files = { "lvm.yaml": lvm, "thin.yaml": thin, "lvm-on-luks.yaml": lvmOnLuks, "luks-on-lvm.yaml": luksOnLvm };
  const more = { "parameters.yaml": parameters, "functions.sh": functions };
  const share = [{ folder: folder.path, isWritable: false }];
  return await runInGuest({
    command: `ln -s ${folder.path} /job-elements\n${functions}${command}`,
    files: { ...files, ...more },
    share,
    hasUdev,
    timeoutSeconds: 900,
  });
}

const nothingLeft = "left:   0  \n";

test.each([true, false])("volumes are made, filled, read back, and released (udev: %s)", async (hasUdev) => {
  const { stdout, stderr } = await inGuest(
    `
build lvm; left
attach lvm
lvs --noheadings --units m -o lv_name,lv_size | tr -s ' '
vgchange -qq -ay my-vg > /dev/null
mkdir -p m; mount /dev/my-vg/lv_root m; mount /dev/my-vg/lv-var m/var; cat m/etc/told m/var/lib/kept m/etc/mapped m/etc/fstab; umount m/var m
vgchange -qq -an my-vg > /dev/null; detach; rm lvm.raw

build thin; left
attach thin
vgchange -qq -ay vg > /dev/null
mount /dev/vg/root m; mount /dev/vg/lib m/var/lib; cat m/etc/told m/var/lib/kept; umount m/var/lib m
vgchange -qq -an vg > /dev/null; detach; rm thin.raw

build lvm-on-luks; left
attach lvm-on-luks
printf '%s' "$DIB_TOY_PASSPHRASE" | cryptsetup open --key-file - "$loop"p2 opened
cryptsetup luksDump "$loop"p2 | grep -E 'Version|PBKDF|Label'
vgchange -qq -ay vg > /dev/null
mount /dev/vg/root m; cat m/etc/told; sed s/UUID=[0-9a-f-]*/UUID=X/ m/etc/crypttab; umount m
vgchange -qq -an vg > /dev/null; cryptsetup close opened; detach; rm lvm-on-luks.raw

build luks-on-lvm; left
grep -rl "$DIB_TOY_PASSPHRASE" out *.log *.d 2>/dev/null
`,
    hasUdev,
  );
  expect(stderr).toBe("");
  expect(stdout).toBe(
    [
      `lvm: 0\n${nothingLeft}`,
      " lv-var 860.00m\n lv_root 140.00m\n lv_swap 16.00m\n",
      "told\nkept\ncontrol\nmy--vg-lv--var\nmy--vg-lv_root\nmy--vg-lv_swap\n",
      "LABEL=fs_root / ext4 defaults 0 2\nLABEL=fs_var /var ext4 defaults 0 2\nLABEL=swap none swap sw 0 0\n",
      `thin: 0\n${nothingLeft}told\nkept\n`,
      `lvm-on-luks: 0\n${nothingLeft}`,
      "Version:       \t2\nLabel:         \tcrypt_pv\n\tPBKDF:      pbkdf2\n",
      "told\ncrypt_pv UUID=X none luks,initramfs\n",
      `luks-on-lvm: 0\n${nothingLeft}`,
    ].join(""),
  );
});

const parameters = `
config: /job/lvm.yaml
image-dir: /var/tmp/command
build-dir: /var/tmp/command/build
mount-base: /var/tmp/command/build/mnt
root-fs-type: ext4
root-label: root
image-size: 1GiB
`;

test("a host's group is left alone, what a killed build held goes with the next, and a disk may pass from process to process", async () => {
  const { stdout, stderr } = await inGuest(
    `
truncate -s 64M host.raw; host=$(losetup --show -f host.raw)
pvcreate -qq "$host"; vgcreate -qq my-vg "$host"; lvcreate -qq -y -n lv_root -l 1 my-vg
build lvm 3
grep -o -m1 '^✖ BLOCK_DEVICE_NAME_TAKEN' out | cut -d' ' -f2
dmsetup ls | cut -f1; vgchange -qq -an my-vg > /dev/null
build lvm 3
grep -o 'a volume group of this host' out
vgremove -qq -f my-vg; losetup -d "$host"

DIB_TOY_SLEEP=1000 setsid sh -c '. /job/functions.sh; build thin' &
while ! dmsetup ls | grep -q vg-root; do sleep 1; done; sleep 5
kill -9 -$!; sleep 3
dmsetup ls | grep -c '^vg'
build thin; left

mkdir -p command/build
block_device() { node ${repository}/packages/cli/bin/dib-block-device.js --params /job/parameters.yaml "$@" > out 2>&1 || cat out >&2; }
block_device init; block_device create
dmsetup ls | cut -f1 | sort; echo passed > command/build/mnt/passed
block_device umount; left; block_device cleanup; ls command
`,
    false,
  );
  expect(stderr).toBe("");
  expect(stdout).toBe(
    [
      "lvm: 3\nBLOCK_DEVICE_NAME_TAKEN\nmy--vg-lv_root\n",
      "lvm: 3\na volume group of this host\n",
      `6\nthin: 0\n${nothingLeft}`,
      `my--vg-lv--var\nmy--vg-lv_root\nmy--vg-lv_swap\n${nothingLeft}build\nimage0.raw\n`,
    ].join(""),
  );
});
