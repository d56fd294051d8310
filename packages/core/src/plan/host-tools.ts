/** Programs that the core runs on the host, and the packages they come from. */
export const coreTools = [
  ...["unshare", "setpriv", "nsenter", "bash", "env", "chroot"],
  ...["mount", "umount", "mknod", "find", "flock", "truncate"],
];
export const diskTools = ["losetup", "cp", "du", "sync"];
export const fatTools = ["mcopy", "mmd"];

/** Not a program in PATH but an engine that runs: only one that does knows its version. */
export const dockerEngine = "docker engine";
export const engineQuestion: readonly string[] = ["docker", "version", "--format", "{{.Server.Version}}"];

/** Names of the package in Debian, Fedora and openSUSE; the first one where they agree. */
const pack = (debian: string, fedora = debian, opensuse = fedora) => ({ debian, fedora, opensuse });

/** Where modules of Python come from. */
export const pythonModules: typeof packages = { yaml: pack("python3-yaml", "python3-pyyaml", "python3-PyYAML") };

/** Where programs come from, for what is asked for without saying so. */
export const packages: Readonly<
  Record<string, { readonly debian: string; readonly fedora: string; readonly opensuse: string }>
> = {
  bash: pack("bash"),
  chroot: pack("coreutils"),
  cp: pack("coreutils"),
  du: pack("coreutils"),
  env: pack("coreutils"),
  find: pack("findutils"),
  flock: pack("util-linux"),
  fstrim: pack("util-linux"),
  "grub-mkrescue": pack("grub-common", "grub2-tools-extra", "grub2"),
  gzip: pack("gzip"),
  losetup: pack("mount", "util-linux"),
  mcopy: pack("mtools"),
  mformat: pack("mtools"),
  mknod: pack("coreutils"),
  mkswap: pack("util-linux"),
  mksquashfs: pack("squashfs-tools", "squashfs-tools", "squashfs"),
  mmd: pack("mtools"),
  mmdebstrap: pack("mmdebstrap"),
  debootstrap: pack("debootstrap"),
  mount: pack("mount", "util-linux"),
  nsenter: pack("util-linux"),
  partx: pack("util-linux"),
  "mkfs.btrfs": pack("btrfs-progs", "btrfs-progs", "btrfsprogs"),
  "mkfs.ext4": pack("e2fsprogs"),
  "mkfs.vfat": pack("dosfstools"),
  "mkfs.xfs": pack("xfsprogs"),
  "qemu-img": pack("qemu-utils", "qemu-img"),
  "qemu-system-x86_64": pack("qemu-system-x86", "qemu-system-x86", "qemu-x86"),
  setpriv: pack("util-linux"),
  sfdisk: pack("fdisk", "util-linux"),
  sync: pack("coreutils"),
  tar: pack("tar"),
  truncate: pack("coreutils"),
  umount: pack("mount", "util-linux"),
  umoci: pack("umoci"),
  unshare: pack("util-linux"),
  xorriso: pack("xorriso"),
  zstd: pack("zstd"),
};
