import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { runLibrary } from "../../../support/shell-library.js";
import { tempFolder } from "../../../support/temp-folder.js";

interface Case {
  readonly files: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Text of /dib-signed-kernel-version. */
  readonly signed?: string;
  readonly links?: Readonly<Record<string, string>>;
  readonly gives: string;
}

const debian = ["etc/debian_version"];
const cases: Readonly<Record<string, Case>> = {
  "Debian: the newest by version, not by letters": {
    files: [...debian, ...["6.1.0-9", "6.1.0-10"].flatMap((v) => [`boot/vmlinuz-${v}`, `boot/initrd.img-${v}`])],
    gives: "vmlinuz-6.1.0-10:initrd.img-6.1.0-10",
  },
  "Debian: a generic kernel goes before a newer one of another flavour": {
    files: [
      ...debian,
      ...["6.8.0-1-generic", "6.9.0-1-kvm"].flatMap((v) => [`boot/vmlinuz-${v}`, `boot/initrd.img-${v}`]),
    ],
    gives: "vmlinuz-6.8.0-1-generic:initrd.img-6.8.0-1-generic",
  },
  "Debian: a signed kernel, when the image names one": {
    files: [
      ...debian,
      "boot/vmlinuz-5.4.0-1-generic",
      "boot/vmlinuz-5.4.0-1-generic.efi.signed",
      "boot/initrd.img-5.4.0-1-generic",
    ],
    signed: "DIB_SIGNED_KERNEL_VERSION=5.4.0-1-generic.efi.signed\n",
    gives: "vmlinuz-5.4.0-1-generic.efi.signed:initrd.img-5.4.0-1-generic",
  },
  "Debian: a signed kernel's version is read, and nothing that stands beside it is run": {
    files: [...debian, "boot/vmlinuz-5.4.0-1-generic", "boot/initrd.img-5.4.0-1-generic"],
    signed: `touch \${TARGET_ROOT}/ran\nDIB_SIGNED_KERNEL_VERSION=$(touch \${TARGET_ROOT}/ran)\necho no version\n`,
    gives: "vmlinuz-5.4.0-1-generic:initrd.img-5.4.0-1-generic",
  },
  "Red Hat: PAE first, never a debug kernel, and the initramfs of that version": {
    files: [
      "etc/redhat-release",
      ...["5.1", "5.0.PAE", "5.2+debug"].flatMap((v) => [`boot/vmlinuz-${v}`, `boot/initramfs-${v}.img`]),
    ],
    gives: "vmlinuz-5.0.PAE:initramfs-5.0.PAE.img",
  },
  "Red Hat: without PAE the newest that is no debug kernel": {
    files: [
      "etc/redhat-release",
      ...["5.1", "5.2+debug"].flatMap((v) => [`boot/vmlinuz-${v}`, `boot/initramfs-${v}.img`]),
    ],
    gives: "vmlinuz-5.1:initramfs-5.1.img",
  },
  "SUSE: what the links in /boot lead to": {
    files: ["etc/SuSE-release", "boot/vmlinuz-6.4-default", "boot/initrd-6.4-default"],
    links: { "boot/vmlinuz": "vmlinuz-6.4-default", "boot/initrd": "initrd-6.4-default" },
    gives: "vmlinuz-6.4-default:initrd-6.4-default",
  },
  "openSUSE, known by its name only": {
    files: ["boot/vmlinuz-6.4-default", "boot/initrd-6.4-default"],
    links: { "boot/vmlinuz": "vmlinuz-6.4-default", "boot/initrd": "initrd-6.4-default" },
    env: { DISTRO_NAME: "opensuse" },
    gives: "vmlinuz-6.4-default:initrd-6.4-default",
  },
  "a link that stays in the image": {
    files: [...debian, "boot/vmlinuz-6.1", "boot/initrd-by-hand"],
    links: { "boot/initrd.img-6.1": "initrd-by-hand" },
    gives: "vmlinuz-6.1:initrd.img-6.1",
  },
  "a signed version behind a link counts for nothing": {
    files: [...debian, "boot/vmlinuz-6.1", "boot/initrd.img-6.1"],
    links: { "dib-signed-kernel-version": "elsewhere" },
    signed: "DIB_SIGNED_KERNEL_VERSION=6.1\n",
    gives: "vmlinuz-6.1:initrd.img-6.1",
  },
  "Gentoo: the newest of each": {
    files: [
      "etc/gentoo-release",
      ...["6.1.9", "6.1.12"].flatMap((v) => [`boot/vmlinuz-${v}`, `boot/initramfs-${v}.img`]),
    ],
    gives: "vmlinuz-6.1.12:initramfs-6.1.12.img",
  },
  "both patterns go before the system's own rule": {
    files: [...debian, "boot/vmlinuz-6.1", "boot/initrd.img-6.1", "boot/my-1", "boot/my-2", "boot/my-initrd-2"],
    env: { DIB_BAREMETAL_KERNEL_PATTERN: "my-[0-9]", DIB_BAREMETAL_INITRD_PATTERN: "my-initrd*" },
    gives: "my-2:my-initrd-2",
  },
  "one pattern alone counts for nothing": {
    files: [...debian, "boot/vmlinuz-6.1", "boot/initrd.img-6.1", "boot/my-1"],
    env: { DIB_BAREMETAL_KERNEL_PATTERN: "my-[0-9]" },
    gives: "vmlinuz-6.1:initrd.img-6.1",
  },
};

interface Refused extends Pick<Case, "files" | "links"> {
  readonly says: string;
}

const refused: Readonly<Record<string, Refused>> = {
  "Red Hat without a kernel": { files: ["etc/redhat-release", "boot/x"], says: "No suitable kernel found." },
  "Red Hat without its initramfs": {
    files: ["etc/redhat-release", "boot/vmlinuz-5.1", "boot/initramfs-5.0.img"],
    says: "Can't find an initramfs for the 5.1 version of the kernel.",
  },
  "Debian without an initrd": { files: [...debian, "boot/vmlinuz-6.1"], says: "ERROR: No initrd in" },
  "a kernel that is a link out of the image": {
    files: [...debian, "boot/initrd.img-6.1"],
    links: { "boot/vmlinuz-6.1": "/etc/passwd" },
    says: "vmlinuz-6.1 leads out of the image",
  },
  "an initrd that is a link up out of the image": {
    files: [...debian, "boot/vmlinuz-6.1"],
    links: { "boot/initrd.img-6.1": "../../../../../../../../etc/passwd" },
    says: "initrd.img-6.1 leads out of the image",
  },
  "an unknown system": { files: ["boot/vmlinuz-6.1"], says: "ERROR: Unable to detect operating system" },
};

async function select(files: readonly string[], { env = {}, links = {}, signed }: Partial<Case> = {}) {
  await using folder = await tempFolder();
  for (const file of files) write(join(folder.path, file), "");
  for (const [link, to] of Object.entries(links)) symlinkSync(to, join(folder.path, link));
  if (signed !== undefined) write(join(folder.path, "dib-signed-kernel-version"), signed);
  const script = `select_boot_kernel_initrd ${folder.path}\necho "$(basename "$BOOTDIR") $KERNEL:$RAMDISK"`;
  const result = runLibrary(script, { env, sources: ["img-functions"] }); // elements take this file alone into the image
  return { ...result, hasRun: existsSync(join(folder.path, "ran")) };
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

describe("select_boot_kernel_initrd", () => {
  test.each(Object.entries(cases))("%s", async (_, { files, gives, ...more }) => {
    const { status, lines, errors, hasRun } = await select(files, more);
    expect({ status, last: lines.at(-1), hasRun }, errors).toEqual({ status: 0, last: `boot ${gives}`, hasRun: false });
  });

  test.each(Object.entries(refused))("%s ends the script", async (_, { files, says, links = {} }) => {
    const { status, lines } = await select(files, { links });
    expect(status).toBe(1);
    expect(lines.at(-1)).toContain(says);
  });
});
