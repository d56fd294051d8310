import { loadConfig, requestedElements } from "@dibjs/core";
import { readCommandLine } from "@dibjs/cli/drop-in/getopt.js";
import { dropInOptions, readOptions } from "@dibjs/cli/drop-in/options.js";
import { toDropInRequest, type ImageCommand } from "@dibjs/cli/drop-in/request.js";
import { describe, expect, test } from "vitest";

interface Called {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly command?: ImageCommand;
}

const caller = { uid: 1000, gid: 1000, user: "ada", home: "/home/ada" };
const host = { arch: "amd64", caller, userCacheDir: "/home/ada/.cache" };

async function requestOf({ args = ["vm"], env = {}, command = "disk-image-create" }: Called) {
  const { options, operands } = await readCommandLine({
    command,
    options: dropInOptions,
    args,
    env: { PATH: process.env["PATH"] },
  });
  const call = { command, args, env: { PATH: "/usr/bin:/bin", ...env }, cwd: "/here" };
  return toDropInRequest(readOptions({ options }), operands, call);
}

async function configOf(called: Called) {
  const { images } = await loadConfig({ ...(await requestOf(called)), host });
  const [config] = images;
  if (config === undefined) throw new Error("no image");
  return config;
}

describe("variables", () => {
  test.each<[Called, object]>([
    [{ env: { ARCH: "arm64" } }, { arch: "arm64" }],
    [{ env: { ARCH: "arm64" }, args: ["-a", "amd64", "vm"] }, { arch: "amd64" }],
    [{ env: { IMAGE_NAME: "n" } }, { output: "n" }],
    [{ env: { IMAGE_NAME: "n" }, args: ["-o", "", "vm"] }, { output: "n" }],
    [{ env: { IMAGE_NAME: "" } }, { output: "image" }],
    [{ env: { DIB_CHECKSUM: "0" } }, { checksums: [] }],
    [{ env: { DIB_CHECKSUM: "1" } }, { checksums: ["md5", "sha256"] }],
    [{ env: { DIB_CHECKSUM: "sha256" } }, { checksums: ["sha256"] }],
    [{ env: { DIB_CHECKSUM: "md5,sha256" } }, { checksums: ["md5", "sha256"] }],
    [{ env: { DIB_CHECKSUM: "md5 sha256" } }, { checksums: ["md5", "sha256"] }],
    [{ env: { DIB_CHECKSUM: "sha256" }, args: ["--checksum", "vm"] }, { checksums: ["md5", "sha256"] }],
    [{ env: { DIB_IMAGE_SIZE: "7" } }, { imageSizeGiB: 7 }],
    [{ env: { DIB_IMAGE_EXTRA_SIZE: "200" } }, { imageExtraSizeMiB: 200 }],
    [{ env: { DIB_IMAGE_CACHE: "/c", DIB_LOCKFILES: "locks" } }, { cacheDir: "/c", lockDir: "/here/locks" }],
    [{}, { cacheDir: "/home/ada/.cache/image-create", lockDir: "/home/ada/.cache/dib/lockfiles" }],
    [{ env: { MAX_ONLINE_RESIZE: "9" } }, { maxOnlineResize: 9 }],
    [{ env: { DIB_MIN_TMPFS: "4" } }, { minTmpfsGiB: 4 }],
    [{ env: { DIB_JOURNAL_SIZE: "512" } }, { mkfsJournalSizeMiB: 512 }],
    [{ env: { DIB_NO_TMPFS: "0" } }, { useTmpfs: true }],
    [{ env: { DIB_NO_TMPFS: "yes" } }, { useTmpfs: false }],
    [{ env: { GENTOO_PROFILE: "default/linux/amd64/23.0/hardened" } }, { useTmpfs: false }],
    [{ env: { DIB_OFFLINE: "0" } }, { offline: true }],
    [{ env: { DIB_OFFLINE: "" } }, { offline: false }],
    [{ env: { SKIP_BASE: "1" } }, { base: false }],
    [{ env: { SKIP_BASE: "yes" } }, { base: true }],
    [{ env: { QEMU_IMG_OPTIONS: "compat=0.10" } }, { qemuImgOptions: "compat=0.10", qcow2Compression: "zlib" }],
    [{}, { qcow2Compression: "zlib", formats: ["qcow2"], base: true, ramdisk: false, debugTrace: 0 }],
    [{ args: ["-u", "vm"] }, { qcow2Compression: "none" }],
    [{ env: { ROOT_LABEL: "r", FS_TYPE: "xfs" } }, { rootLabel: "r", fsType: "xfs" }],
    [{ env: { DIB_DEFAULT_INSTALLTYPE: "package" } }, { installType: "package" }],
    [{ env: { DIB_DEBUG_TRACE: "1" } }, { debugTrace: 1 }],
    [{ env: { DIB_DEBUG_TRACE: "1" }, args: ["-x", "vm"] }, { debugTrace: 2 }],
    [{ env: { OVERWRITE_OLD_IMAGE: "0" } }, { overwriteOldImage: false }],
    [{ env: { OVERWRITE_OLD_IMAGE: "1" } }, { overwriteOldImage: true }],
    [{ env: { TMPDIR: "/a", TMP_DIR: "/b" } }, { tmpDir: "/a" }],
    [{ env: { TMP_DIR: "/b" } }, { tmpDir: "/b" }],
    [{ env: { DIB_BLOCK_SIZE: "4096" } }, { sectorSizeBytes: 4096 }],
    [{ env: { DIB_BLOCK_DEVICE_CONFIG: "file://l.yaml" } }, { blockDevice: "file:///here/l.yaml" }],
    [{ env: { break: "before-install,after-error" } }, { breaks: ["before-install", "after-error"] }],
    [{ args: ["-p", "vim", "-p", "git,curl", "vm"] }, { packages: ["vim", "git", "curl"] }],
    [{ env: { IMAGE_TYPE: "raw" } }, { formats: ["qcow2"] }],
    [{ args: ["-o", "d/foo.qcow2", "vm"] }, { output: "d/foo" }],
    [{ args: ["-o", "foo.qcow2", "-t", "qcow2,raw", "vm"] }, { output: "foo.qcow2" }],
    [{ args: ["-o", "foo.raw", "vm"] }, { output: "foo.raw" }],
    [
      { command: "ramdisk-image-create", env: { RAMDISK_ELEMENT: "dracut-ramdisk" } },
      { ramdisk: true, ramdiskElement: "dracut-ramdisk" },
    ],
  ])("%j", async (called, expected) => {
    expect(await configOf(called)).toMatchObject(expected);
  });
});

describe("elements", () => {
  test.each<[Called, readonly string[]]>([
    [{ args: ["debian"] }, ["base", "debian"]],
    [{ args: ["-n", "debian"] }, ["debian"]],
    [{ args: ["vm", "debian"] }, ["base", "vm", "debian", "block-device-mbr"]],
    [{ args: ["vm debian"], env: { ARCH: "aarch64" } }, ["base", "vm", "debian", "block-device-efi"]],
    [{ args: ["vm", "", "debian\tblock-device-gpt"] }, ["base", "vm", "debian", "block-device-gpt"]],
    [{ args: ["debian"], env: { IMAGE_ELEMENT: "vm one" } }, ["base", "vm", "one", "debian", "block-device-mbr"]],
    [{ args: ["debian"], command: "ramdisk-image-create" }, ["ramdisk", "base", "debian"]],
    [
      { args: ["-n", "--ramdisk-element", "dracut-ramdisk", "debian"], command: "ramdisk-image-create" },
      ["dracut-ramdisk", "debian"],
    ],
  ])("%j", async (called, names) => {
    expect(requestedElements(await configOf(called)).map(({ name }) => name)).toEqual(names);
  });

  test.each([[[]], [["", "  "]]])("none named is refused, whatever IMAGE_ELEMENT holds: %j", async (args) => {
    await expect(requestOf({ args, env: { IMAGE_ELEMENT: "vm" } })).rejects.toMatchObject({ code: "ELEMENT_NONE" });
  });

  test("ELEMENTS_PATH comes before what the project and the command bring", async () => {
    const { elementPaths } = await configOf({ env: { ELEMENTS_PATH: "mine:/theirs" } });
    expect(elementPaths.map(({ path }) => path)).toEqual(["/here/mine", "/theirs"]);
  });
});

describe("what scripts get", () => {
  test("the whole environment, line breaks and all", async () => {
    const env = {
      MY_OWN: "1",
      DIB_RELEASE: "trixie",
      DIB_DEV_USER_AUTHORIZED_KEYS: "ssh-rsa a\nssh-rsa b\n",
      https_proxy: "p",
    };
    const { environment, runEnvironment } = await configOf({ env });
    const values = Object.fromEntries(Object.entries(environment).map(([name, { value }]) => [name, value]));
    expect({ ...values, ...runEnvironment }).toMatchObject(env);
  });

  test("DIB_ARGS is what was typed, DIB_ENV what the caller had", async () => {
    const args = ["-x", "vm", "--image-size", "5", ""];
    const { args: shown, callerDibVariables } = await configOf({
      args,
      env: { DIB_RELEASE: "trixie", DIB_CHECKSUM: "md5" },
    });
    expect(shown).toEqual(args);
    expect(callerDibVariables).toEqual({ DIB_RELEASE: "trixie", DIB_CHECKSUM: "md5" });
  });

  const crowded = {
    HOME: "/home/ada",
    SUDO_USER: "ada",
    DIB_RELEASE: "trixie",
    ELEMENTS_PATH: "/e",
    IMAGE_NAME: "n",
    MY_OWN: "1",
  };
  test.each<[Called]>([
    [{ args: ["vm", "-c", "-a", "arm64"] }],
    [{ args: ["-a", "arm64", "vm"], env: { CLEAR_ENV: "1" } }],
  ])("nothing of it with a cleared environment: %j", async (called) => {
    const { environment, elementPaths, output, arch, callerDibVariables } = await configOf({
      ...called,
      env: { ...crowded, ...called.env },
    });
    expect(Object.keys(environment)).toEqual([]);
    expect([elementPaths, output, arch, callerDibVariables]).toEqual([[], "image", "arm64", {}]);
  });
});

test.each([
  [{}, []],
  [{ RUN_PARTS_REGEX: "" }, []],
  [{ RUN_PARTS_REGEX: "." }, [expect.stringMatching(/^WARNING: RUN_PARTS_REGEX /)]],
  [{ GENTOO_PROFILE: "hardened" }, ["disabling tmpfs for gentoo hardened build"]],
])("what the log says of %j", async (env, notes) => {
  expect((await requestOf({ env })).notes).toEqual(notes);
});
