import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { BuildConfig } from "@dibjs/core/config/schema.js";
import { failureOf, load, loadPlain, loadYaml } from "./config-folder.js";

describe("flags and variables", () => {
  test.each<[string, object, Partial<BuildConfig>]>([
    ["-a takes the kernel's names too", { flags: { arch: "x86_64" } }, { arch: "amd64" }],
    ["ARCH=aarch64", { env: { ARCH: "aarch64" } }, { arch: "arm64" }],
    ["-t splits at commas, once each", { flags: { formats: "qcow2, raw,,qcow2" } }, { formats: ["qcow2", "raw"] }],
    ["-p as a list", { flags: { packages: ["a,b", "c"] } }, { packages: ["a", "b", "c"] }],
    ["-n", { flags: { base: false } }, { base: false }],
    ["SKIP_BASE=1", { env: { SKIP_BASE: "1" } }, { base: false }],
    ["SKIP_BASE=0 is not 1", { env: { SKIP_BASE: "0" } }, { base: true }],
    ["--checksum", { flags: { checksums: true } }, { checksums: ["md5", "sha256"] }],
    ["DIB_CHECKSUM=1", { env: { DIB_CHECKSUM: "1" } }, { checksums: ["md5", "sha256"] }],
    ["DIB_CHECKSUM=0", { env: { DIB_CHECKSUM: "0" } }, { checksums: [] }],
    ["DIB_CHECKSUM=sha256", { env: { DIB_CHECKSUM: "sha256" } }, { checksums: ["sha256"] }],
    ["--image-size with a fraction", { flags: { imageSizeGiB: "2.5" } }, { imageSizeGiB: 2.5 }],
    ["DIB_IMAGE_EXTRA_SIZE", { env: { DIB_IMAGE_EXTRA_SIZE: "100" } }, { imageExtraSizeMiB: 100 }],
    ["MKFS_OPTS, which DIB documents", { env: { MKFS_OPTS: "-O x" } }, { mkfsOptions: "-O x" }],
    ["DIB_JOURNAL_SIZE", { env: { DIB_JOURNAL_SIZE: "512" } }, { mkfsJournalSizeMiB: 512 }],
    ["MAX_ONLINE_RESIZE", { env: { MAX_ONLINE_RESIZE: "1000" } }, { maxOnlineResize: 1000 }],
    [
      "ROOT_LABEL and FS_TYPE",
      { env: { ROOT_LABEL: "gate-rootfs", FS_TYPE: "xfs" } },
      { rootLabel: "gate-rootfs", fsType: "xfs" },
    ],
    ["DIB_BLOCK_SIZE", { env: { DIB_BLOCK_SIZE: "4096" } }, { sectorSizeBytes: 4096 }],
    ["--no-tmpfs", { flags: { useTmpfs: false } }, { useTmpfs: false }],
    ["DIB_NO_TMPFS=yes: anything but 0", { env: { DIB_NO_TMPFS: "yes" } }, { useTmpfs: false }],
    ["DIB_NO_TMPFS=0", { env: { DIB_NO_TMPFS: "0" } }, { useTmpfs: true }],
    ["DIB_MIN_TMPFS", { env: { DIB_MIN_TMPFS: "4" } }, { minTmpfsGiB: 4 }],
    ["-u", { flags: { qcow2Compression: "none" } }, { qcow2Compression: "none" }],
    ["DIB_OFFLINE=0 is on: it is not empty", { env: { DIB_OFFLINE: "0" } }, { offline: true }],
    ["break", { env: { break: "before-root,after-error" } }, { breaks: ["before-root", "after-error"] }],
    ["-x twice", { flags: { debugTrace: 2 } }, { debugTrace: 2 }],
    ["DIB_DEBUG_TRACE", { env: { DIB_DEBUG_TRACE: "1" } }, { debugTrace: 1 }],
    ["OVERWRITE_OLD_IMAGE=0", { env: { OVERWRITE_OLD_IMAGE: "0" } }, { overwriteOldImage: false }],
    ["OVERWRITE_OLD_IMAGE=1", { env: { OVERWRITE_OLD_IMAGE: "1" } }, { overwriteOldImage: true }],
    ["DIB_DEFAULT_INSTALLTYPE", { env: { DIB_DEFAULT_INSTALLTYPE: "package" } }, { installType: "package" }],
    ["RAMDISK_ELEMENT", { env: { RAMDISK_ELEMENT: "dracut-ramdisk" } }, { ramdiskElement: "dracut-ramdisk" }],
    ["IMAGE_NAME", { env: { IMAGE_NAME: "out/x" } }, { output: "out/x" }],
    [
      "inline YAML",
      { env: { DIB_BLOCK_DEVICE_CONFIG: "- local_loop:\n    name: image0\n" } },
      { blockDevice: "- local_loop:\n    name: image0\n" },
    ],
    [
      "an absolute file://",
      { env: { DIB_BLOCK_DEVICE_CONFIG: "file:///a/b.yaml" } },
      { blockDevice: "file:///a/b.yaml" },
    ],
    ["DIB_ARGS", { args: ["-o", "x", "vm"] }, { args: ["-o", "x", "vm"] }],
    ["the drop-in commands compress so that every qemu can read it", { dropIn: true }, { qcow2Compression: "zlib" }],
    ["dib build compresses with zstd", {}, { qcow2Compression: "zstd" }],
  ])("%s", async (_, request, expected) => {
    expect(await loadPlain(request)).toMatchObject(expected);
  });

  test.each([
    [{ env: { DIB_IMAGE_SIZE: "10GiBB" } }, "$DIB_IMAGE_SIZE", "imageSizeGiB"],
    [{ env: { DIB_IMAGE_SIZE: "1e3" } }, "$DIB_IMAGE_SIZE", "imageSizeGiB"],
    [{ env: { DIB_DEBUG_TRACE: "loud" } }, "$DIB_DEBUG_TRACE", "debugTrace"],
    [{ flags: { minTmpfsGiB: "2.5" } }, "--min-tmpfs", "minTmpfsGiB"],
    [{ flags: { qcow2Compression: "gzip" } }, "--compression", "qcow2Compression"],
  ])("%o is refused with where it came from", async (request, file, key) => {
    const error = await failureOf(loadPlain(request));
    expect(error.code).toBe("CONFIG_VALUE_INVALID");
    expect(error.context).toMatchObject({ place: { file }, key });
    expect(error.message.startsWith(`${file} is "`), error.message).toBe(true);
  });

  test("a relative file:// starts where the user stands", async () => {
    const { images, folder } = await load({}, { env: { DIB_BLOCK_DEVICE_CONFIG: "file://disk.yaml" } });
    expect(images[0]?.blockDevice).toBe(`file://${join(folder, "disk.yaml")}`);
  });
});

describe("the output's name", () => {
  test.each([
    ["foo.qcow2", "qcow2", "foo"],
    ["out/foo.tgz", "tgz", "out/foo"],
    ["foo.qcow2", "qcow2,raw", "foo.qcow2"],
    ["foo.qcow2", "raw", "foo.qcow2"],
    ["foo.qcow2.qcow2", "qcow2", "foo.qcow2"],
    ["qcow2", "qcow2", "qcow2"],
    ["out/.raw", "raw", "out/.raw"],
    ["foo.", "raw", "foo."],
  ])("%s with -t %s is %s", async (output, formats, expected) => {
    expect((await loadPlain({ flags: { output, formats } })).output).toBe(expected);
  });

  test("tgz beside tar leaves tar alone", async () => {
    expect((await loadPlain({ flags: { formats: "tar,tgz" } })).formats).toEqual(["tar", "tgz"]);
  });
});

describe("friendly forms of a config file", () => {
  test.each<[string, Partial<BuildConfig>]>([
    ["formats: qcow2, raw", { formats: ["qcow2", "raw"] }],
    ["formats: [raw, raw]", { formats: ["raw"] }],
    ["checksum: true", { checksums: ["md5", "sha256"] }],
    ["checksum: false", { checksums: [] }],
    ["checksum: [sha256]", { checksums: ["sha256"] }],
    ["checksum: md5", { checksums: ["md5"] }],
    ["tmpfs: false", { useTmpfs: false, minTmpfsGiB: 2 }],
    ["tmpfs: true", { useTmpfs: true }],
    ["tmpfs: { minGiB: 8 }", { useTmpfs: true, minTmpfsGiB: 8 }],
    ["qemuImgOptions: { compat: '1.1', lazy_refcounts: true }", { qemuImgOptions: "compat=1.1,lazy_refcounts=true" }],
    ["blockDevice:\n  - local_loop: { name: image0 }\n", { blockDevice: '[{"local_loop":{"name":"image0"}}]' }],
    ["blockDevice: '[{ local_loop: { name: image0 } }]'", { blockDevice: "[{ local_loop: { name: image0 } }]" }],
    ["breaks: [before-root]", { breaks: ["before-root"] }],
    ["packages: vim, less", { packages: ["vim", "less"] }],
  ])("%s", async (yaml, expected) => {
    expect(await loadYaml(yaml)).toMatchObject(expected);
  });

  test("a layout's path starts at the config file", async () => {
    for (const written of ["disk.yaml", "file://disk.yaml"]) {
      const { images, folder } = await load(
        { "conf/dib.config.yaml": `blockDevice: ${written}` },
        { configFile: "conf/dib.config.yaml" },
      );
      expect(images[0]?.blockDevice).toBe(`file://${join(folder, "conf/disk.yaml")}`);
    }
  });
});

describe("compat=0.10", () => {
  test("takes zlib, and says so", async () => {
    const { images, notes } = await load({}, { flags: { qemuImgOptions: "compat=0.10" } });
    expect(images[0]?.qcow2Compression).toBe("zlib");
    expect(notes).toEqual(["qcow2 is compressed with zlib: compat=0.10 knows no zstd."]);
  });

  test("says nothing when nothing changes", async () => {
    const request = { flags: { qemuImgOptions: "compat=0.10", qcow2Compression: "none" } };
    const { images, notes } = await load({}, request);
    expect([images[0]?.qcow2Compression, notes]).toEqual(["none", []]);
    expect((await load({}, { flags: { qemuImgOptions: "compat=0.10", formats: "raw" } })).notes).toEqual([]);
  });
});
