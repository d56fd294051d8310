import { expect, test } from "vitest";
import { refusedMkfsWords } from "@dibjs/core/block-device/mkfs-options.js";
import { refusedVolumeWords } from "@dibjs/core/block-device/volume-options.js";

const words = (text: string) => text.split(" ").filter(Boolean);

test.each<[string, string, string]>([
  ["ext4", "-E resize=1000 -i 4096 -J size=64 -O ^64bit,metadata_csum_seed -m 0.5 -Fq -T small", ""],
  ["ext4", "-i4096 -b -1024", ""],
  ["ext4", "-J device=/dev/sda2", "-J device=/dev/sda2"],
  ["ext4", "-J size=4,device=LABEL=x", "-J size=4,device=LABEL=x"],
  ["ext2", "-E offset=4096", "-E offset=4096"],
  ["ext4", "-d /etc -l list -z undo", "-d|/etc|-l|list|-z|undo"],
  ["ext4", "swapfile", "swapfile"],
  ["ext4", "-- -F", "--"],
  ["ext4", "-Fz/undo", "-Fz/undo"],
  ["ext4", "-i", "-i"],
  ["btrfs", "-M --csum xxhash -O ^no-holes --nodesize=16k -m dup", ""],
  ["btrfs", "-f /dev/sda", "/dev/sda"],
  ["btrfs", "--root /etc --rootdir=/etc", "--root|/etc|--rootdir=/etc"],
  ["xfs", "-f -m crc=1,bigtime=0 -i size=1024 -d su=64k,sw=4 -n ftype=1 -l size=64m", ""],
  ["xfs", "-l logdev=swapfile", "-l logdev=swapfile"],
  ["xfs", "-d name=swapfile,file -r rtdev=x", "-d name=swapfile,file|-r|rtdev=x"],
  ["vfat", "-F 32 -s 1 -g 16/63", ""],
  ["vfat", "-C -m /etc/shadow --mbr y", "-C|-m|/etc/shadow|--mbr|y"],
  ["swap", "-p 4096 -v1", ""],
  ["swap", "-F /file", "-F|/file"],
  ["f2fs", "-f -s2 --quiet --size=4k", ""],
  ["f2fs", "-c/dev/sdb -c swapfile --device=x", "-c/dev/sdb|swapfile|--device=x"],
])("of the options of mkfs.%s %j what could lead elsewhere is refused: %j", (type, written, refused) => {
  expect(refusedMkfsWords(type, words(written)).join("|")).toBe(refused);
});

test.each<["pv" | "vg" | "lv" | "luks", string, string]>([
  ["pv", "--force --yes -ff -Zy --dataalignment 1MiB --metadatasize=4m", ""],
  ["pv", "--conf=devices/filter=[] --prof x", "--conf=devices/filter=[]|--prof|x"],
  ["pv", "//dev/sda /./dev/sda othervg", "//dev/sda|/./dev/sda|othervg"],
  ["pv", "--restorefile x --devicesf y", "--restorefile|x|--devicesf|y"],
  ["vg", "--force -s 8M --alloc cling --addtag @dib", ""],
  ["vg", "--systemid other --physical 4m", "--systemid|other|--physical|4m"],
  ["lv", "--wipesignatures y --stripes 2 -I 64k --type raid1 -m1", ""],
  ["lv", "--wipesignatures vg2", "--wipesignatures vg2"],
  ["lv", "-Z --config=x", "-Z --config=x"],
  ["luks", "--iter-time=100 --hash sha256 --sector-size=4096 --integrity hmac-sha256", ""],
  ["luks", "swapfile", "swapfile"],
  ["luks", "--hash=sha1 swapfile", "swapfile"],
  ["luks", "--key-file=/etc/shadow --header x", "--key-file=/etc/shadow|--header|x"],
])("of the options of %s %j what could lead elsewhere is refused: %j", (of, written, refused) => {
  expect(refusedVolumeWords(of, words(written)).join("|")).toBe(refused);
});
