import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isBuildError, type BuildError, type ErrorContext } from "@dibjs/core/errors.js";
import { checkHost } from "@dibjs/core/plan/check-host.js";
import { describeHost } from "@dibjs/core/plan/describe-host.js";
import { hasFileSystem, openProbe, type HostProbe } from "@dibjs/core/plan/host-probe.js";
import type { BuildPlaces, BuildPlan, PlannedDisk } from "@dibjs/core/plan/plan.js";
import { describe, expect, test } from "vitest";

const GiB = 2 ** 30;

interface FakeHost {
  uid?: number;
  arch?: string;
  without?: readonly string[];
  kinds?: Readonly<Record<string, "file" | "folder" | "other" | undefined>>;
  readOnly?: readonly string[];
  freeBytes?: Readonly<Record<string, number>>;
  type?: number;
  files?: Readonly<Record<string, string | undefined>>;
  sudoRefusal?: string;
  withoutModules?: readonly string[];
  hasDockerEngine?: boolean;
}

const unseen = { "/lib/modules/6.1.0/modules.dep": undefined };
const goodKinds = { "/": "folder", "/out": "folder", "/var/tmp": "folder", "/dev/loop-control": "other" } as const;
const goodFiles = {
  "/lib/modules/6.1.0/modules.dep": "kernel/fs/fuse/fuse.ko.xz:\n",
  "/proc/filesystems": "nodev\tsysfs\nnodev\toverlay\n\text4\n\txfs\n",
  "/proc/self/status": "CapEff:\t000001ffffffffff\nCapBnd:\t000001ffffffffff\n",
  "/proc/meminfo": "MemTotal:       2000000 kB\n",
  "/proc/self/mountinfo": "1 0 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n",
};

/** A host that can build everything, but for what `host` says. */
function aHost(host: FakeHost = {}): HostProbe {
  const kinds: Readonly<Record<string, "file" | "folder" | "other" | undefined>> = { ...goodKinds, ...host.kinds };
  const files: Readonly<Record<string, string | undefined>> = { ...goodFiles, ...host.files };
  const device = (path: string) => Object.keys(host.freeBytes ?? {}).findIndex((at) => path.startsWith(at));
  return {
    uid: host.uid ?? 0,
    arch: host.arch ?? "amd64",
    kernelRelease: "6.1.0",
    which: async (program) => (host.without?.includes(program) ? undefined : `/usr/bin/${program}`),
    kindOf: async (path) => kinds[path],
    canWrite: async (path) => !(host.readOnly ?? []).includes(path),
    space: async (path) => ({
      freeBytes: Object.values(host.freeBytes ?? {})[device(path)] ?? 100 * GiB,
      type: host.type ?? 0xef53,
      device: device(path),
    }),
    readText: async (path) => files[path],
    hasPythonModule: async (python, module) => !(host.withoutModules ?? []).includes(`${python} ${module}`),
    sudoRefusal: async () => host.sudoRefusal,
    dockerAnswers: async () => host.hasDockerEngine ?? false,
  };
}

test("a file system is unknown, not missing, where no modules of the kernel are to be seen", async () => {
  const modules = { "/lib/modules/6.1.0/modules.dep": "kernel/fs/btrfs/btrfs.ko.xz:\n" };
  const has = (name: string, files: FakeHost["files"] = unseen) => hasFileSystem(name, aHost({ files }));
  expect([await has("ext4"), await has("xfs9"), await has("xfs9", modules), await has("btrfs", modules)]).toEqual([
    true,
    undefined,
    false,
    true,
  ]);
});

const node = (type: string, values: Record<string, unknown> = {}) => ({ type, name: `${type}_node`, values });
const disk = (...types: readonly string[]) =>
  ({ rootFsType: "ext4", nodes: types.map((type) => node("mkfs", { type })) }) as unknown as PlannedDisk;

function aPlan(plan: Partial<BuildPlan> = {}): BuildPlan {
  const settings = { useTmpfs: true, minTmpfsGiB: 2, breaks: [], shellOnError: false };
  const outputs = [{ format: "qcow2", from: "disk", extension: "qcow2" }];
  return {
    arch: "amd64",
    disk: disk("ext4"),
    outputs,
    hostCommands: [],
    environment: [],
    settings,
    ...plan,
  } as unknown as BuildPlan;
}

const places = {
  output: "/out/image",
  tmpDir: "/var/tmp",
  cacheDir: "/var/cache/dib",
  lockDir: "/var/cache/dib/locks",
  path: "/usr/bin",
} as BuildPlaces;

test.each<[string, object, FakeHost, string | undefined]>([
  [
    "a variable that is not set",
    { variable: "DIB_X_PASSPHRASE" },
    {},
    "DIB_X_PASSPHRASE holds no passphrase: it is not set",
  ],
  ["a variable that is set", { variable: "DIB_ROOT_PASSPHRASE" }, {}, undefined],
  ["a file that is not there", { file: "/key" }, {}, "/key holds no passphrase: there is no such file"],
  ["a folder", { file: "/out" }, {}, "/out holds no passphrase: it is no regular file"],
  [
    "an empty file",
    { file: "/key" },
    { kinds: { "/key": "file" }, files: { "/key": "\n" } },
    "/key holds no passphrase: it is empty",
  ],
  ["a file", { file: "/key" }, { kinds: { "/key": "file" }, files: { "/key": "open sesame\n" } }, undefined],
  ["a file that only root sees", { file: "/root/key" }, { uid: 1000 }, undefined],
])("the passphrase of a disk, from %s", async (_, place, host, message) => {
  const asked = { ...disk("ext4"), secrets: [{ node: "crypt", place }] } as PlannedDisk;
  const failure = await failureOf(host, aPlan({ disk: asked }), { secrets: { DIB_ROOT_PASSPHRASE: "open sesame" } });
  expect(failure?.code).toBe(message && "BLOCK_DEVICE_SECRET_UNUSABLE");
  expect(failure?.message ?? "nothing").toContain(message ?? "nothing");
});

async function findingsOf(host: FakeHost, plan = aPlan(), at: Partial<BuildPlaces> = {}): Promise<readonly string[]> {
  const error = await failureOf(host, plan, at);
  if (error === undefined) return [];
  return error.code === "SEVERAL_FINDINGS"
    ? (error.context as ErrorContext<"SEVERAL_FINDINGS">).findings.map(({ code }) => code)
    : [error.code];
}

async function failureOf(
  host: FakeHost,
  plan = aPlan(),
  at: Partial<BuildPlaces> = {},
): Promise<BuildError | undefined> {
  try {
    await checkHost(plan, { ...places, ...at }, aHost(host));
    return undefined;
  } catch (error) {
    if (isBuildError(error)) return error;
    throw error;
  }
}

const dockerFile = { "/.dockerenv": "file" } as const;
const noCapabilities = { "/proc/self/status": "CapEff:\t00000000a80425fb\nCapBnd:\t00000000a80425fb\n" };
const treeOnly = aPlan({ disk: undefined, outputs: [{ format: "tar", from: "tree", extension: "tar" }] });
const binfmt = (flags: string) => ({
  "/proc/sys/fs/binfmt_misc/qemu-aarch64": `enabled\ninterpreter /usr/bin/qemu-aarch64\nflags: ${flags}\n`,
});

describe("a host that has everything", () => {
  test.each<[string, FakeHost, BuildPlan?]>([
    ["as root", {}],
    ["as a user with sudo", { uid: 1000, files: { "/proc/self/status": "CapEff:\t0\nCapBnd:\t000001ffffffffff\n" } }],
    [
      "with a file system as a module",
      {
        files: {
          "/proc/filesystems": "",
          "/lib/modules/6.1.0/modules.dep": "kernel/fs/ext4/ext4.ko.xz:\nkernel/fs/overlayfs/overlay.ko:\n",
        },
      },
    ],
    [
      "where modules can't be seen, as in a container",
      { kinds: dockerFile, files: { ...unseen, "/proc/filesystems": "" } },
    ],
    ["without loop devices, for formats of the tree", { kinds: { "/dev/loop-control": undefined } }, treeOnly],
    ["without losetup, for formats of the tree", { without: ["losetup"] }, treeOnly],
    ["with FAT and swap, which the kernel need not mount", {}, aPlan({ disk: disk("ext4", "vfat", "swap") })],
    ["for another architecture, through qemu-user", { files: binfmt("POCF") }, aPlan({ arch: "arm64" })],
    ["for i386 on amd64", {}, aPlan({ arch: "i386" })],
    [
      "with what will do instead of a program",
      { without: ["mmdebstrap"] },
      aPlan({ hostCommands: [{ command: "mmdebstrap", neededFor: "debian", or: ["debootstrap"] }] }),
    ],
    [
      "with a noexec TMPDIR, when the work folders are on tmpfs",
      {
        files: {
          "/proc/self/mountinfo": "1 0 8:1 / / rw,noexec - ext4 x rw\n",
          "/proc/meminfo": "MemTotal: 8000000 kB",
        },
      },
    ],
    ["with folders that are made later", { kinds: { "/var/tmp": undefined } }],
  ])("is fine %s", async (_, host, plan) => {
    expect(await findingsOf(host, plan)).toEqual([]);
  });
});

describe("what a host lacks", () => {
  test.each<[string, string, FakeHost, BuildPlan?, Partial<BuildPlaces>?]>([
    ["a program of the core", "HOST_TOOL_MISSING", { without: ["unshare"] }],
    [
      "a program of an element",
      "HOST_TOOL_MISSING",
      { without: ["grub-mkimage"] },
      aPlan({ hostCommands: [{ command: "grub-mkimage", neededFor: "bootloader" }] }),
    ],
    [
      "mtools for FAT that the kernel can't mount",
      "HOST_TOOL_MISSING",
      { without: ["mcopy"] },
      aPlan({ disk: disk("vfat") }),
    ],
    ["a way into the namespaces of the worker", "HOST_TOOL_MISSING", { without: ["nsenter"] }],
    [
      "a docker engine, and what stands in for it",
      "HOST_TOOL_MISSING",
      { without: ["umoci"] },
      aPlan({ hostCommands: [{ command: "docker engine", neededFor: "docker", or: ["umoci"] }] }),
    ],
    [
      "a folder that a program reads",
      "HOST_TOOL_MISSING",
      {},
      aPlan({
        hostCommands: [{ command: "/usr/lib/grub/i386-pc", neededFor: "iso", or: ["/usr/share/grub2/i386-pc"] }],
      }),
    ],
    ["root and sudo", "HOST_PRIVILEGE_MISSING", { uid: 1000, without: ["sudo"] }],
    [
      "a sudo that asks for no password",
      "HOST_PRIVILEGE_MISSING",
      { uid: 1000, sudoRefusal: "a password is required" },
    ],
    ["capabilities of root", "HOST_PRIVILEGE_MISSING", { files: noCapabilities }],
    ["loop devices", "HOST_KERNEL_UNFIT", { kinds: { "/dev/loop-control": undefined } }],
    [
      "loop devices in a container",
      "HOST_PRIVILEGE_MISSING",
      { kinds: { ...dockerFile, "/dev/loop-control": undefined } },
    ],
    ["overlayfs", "HOST_KERNEL_UNFIT", { files: { "/proc/filesystems": "\text4\n" } }],
    ["a file system of the disk", "HOST_KERNEL_UNFIT", {}, aPlan({ disk: disk("ext4", "btrfs") })],
    ["qemu-user", "HOST_ARCH_UNFIT", {}, aPlan({ arch: "arm64" })],
    ["qemu-user that works in a chroot", "HOST_ARCH_UNFIT", { files: binfmt("OC") }, aPlan({ arch: "arm64" })],
    ["space for the work folders", "HOST_SPACE_SHORT", { freeBytes: { "/var/tmp": 1000 } }],
    ["space for the output", "HOST_SPACE_SHORT", { freeBytes: { "/out": 1000 } }],
    [
      "a writable folder to make the output's in",
      "OUTPUT_UNWRITABLE",
      { kinds: { "/out": undefined }, readOnly: ["/"] },
    ],
    ["an output's folder that is one", "OUTPUT_UNWRITABLE", { kinds: { "/out": "file" } }],
    ["a writable output's folder", "OUTPUT_UNWRITABLE", { readOnly: ["/out"] }],
    ["a place for the output", "OUTPUT_UNWRITABLE", { kinds: { "/out/image.qcow2": "folder" } }],
    ["a work folder that is one", "HOST_FOLDER_UNFIT", { kinds: { "/var/tmp": "file" } }],
    [
      "a work folder that programs run in",
      "HOST_FOLDER_UNFIT",
      { files: { "/proc/self/mountinfo": "1 0 8:1 / / rw - ext4 x rw\n2 1 8:2 / /var rw,noexec - ext4 y rw\n" } },
    ],
  ])("%s: %s", async (_, code, host, plan, at) => {
    expect(await findingsOf(host, plan, at)).toEqual([code]);
  });

  test("is told in one error", async () => {
    const host = {
      uid: 1000,
      without: ["sudo", "unshare", "losetup"],
      kinds: { "/out": "file" as const },
      files: { "/proc/filesystems": "\text4\n" },
    };
    expect(await findingsOf(host, aPlan({ arch: "arm64" }))).toEqual([
      "HOST_TOOL_MISSING",
      "HOST_PRIVILEGE_MISSING",
      "HOST_KERNEL_UNFIT",
      "HOST_ARCH_UNFIT",
      "OUTPUT_UNWRITABLE",
    ]);
  });

  test("is a module of Python, asked of the interpreter that scripts get", async () => {
    const hostCommands = [
      { command: "python3", neededFor: "element one" },
      { command: "python3", neededFor: "element two", modules: ["yaml"] },
    ];
    const plan = aPlan({ hostCommands });
    const own = { name: "DIB_PYTHON_EXEC", value: "/opt/python", secret: false, origin: "environment" };
    const toolsOf = async (host: FakeHost, asked: BuildPlan) => {
      const { context } = (await failureOf(host, asked)) as BuildError<"HOST_TOOL_MISSING">;
      return context.tools.map(({ tool, neededFor, debian, opensuse }) => [tool, neededFor, debian, opensuse]);
    };
    const packages = ["python3-yaml", "python3-PyYAML"];
    expect(await toolsOf({ withoutModules: ["python3 yaml"] }, plan)).toEqual([
      ["python3 module yaml", "element one, element two", ...packages],
    ]);
    expect(await toolsOf({ withoutModules: ["/opt/python yaml"] }, { ...plan, environment: [own] })).toEqual([
      ["/opt/python module yaml", "element one, element two", ...packages],
    ]);
    const withoutPython = await toolsOf({ without: ["python3"], withoutModules: ["python3 yaml"] }, plan);
    expect(withoutPython.map(([tool]) => tool)).toEqual(["python3"]);
    expect(await findingsOf({}, plan)).toEqual([]);
  });

  test("is told with the packages of three distributions", async () => {
    const hostCommands = [
      { command: "qemu-img", neededFor: "format qcow2" },
      { command: "mkfs.odd", neededFor: "block device mkfs", debian: "odd-progs" },
      { command: "losetup", neededFor: "block device local_loop" },
    ];
    const error = await failureOf({ without: ["qemu-img", "mkfs.odd", "losetup"] }, aPlan({ hostCommands }));
    expect(error?.message).toBe(
      "Missing on this host:\n  losetup (for the disk, block device local_loop)\n  qemu-img (for format qcow2)\n  mkfs.odd (for block device mkfs)",
    );
    expect(error?.hint).toBe(
      "apt-get install mount qemu-utils odd-progs\ndnf install util-linux qemu-img\nzypper install util-linux qemu-img",
    );
  });

  test("in a container is told with the flags to start it with", async () => {
    const capabilities = await failureOf({ kinds: dockerFile, files: noCapabilities });
    expect(capabilities?.message).toBe("Even root lacks CAP_SYS_ADMIN here, which mounting and chroot need.");
    expect(capabilities?.hint).toContain("--cap-add SYS_ADMIN");
    const loop = await failureOf({ kinds: { ...dockerFile, "/dev/loop-control": undefined } });
    expect(loop?.hint).toContain("-v /dev:/dev");
  });

  test("of space is added up where places share a file system, and ends with the code for space", async () => {
    const error = await failureOf({ freeBytes: { "/": 300 * 2 ** 20 } });
    expect(error?.context).toEqual({ path: "/var/tmp", neededBytes: 320 * 2 ** 20, freeBytes: 300 * 2 ** 20 });
    expect(error?.kind).toBe("space");
  });
});

describe("the real host", () => {
  test("is looked at without starting a process: programs by PATH, kinds, space, text", async () => {
    const folder = await mkdtemp(join(tmpdir(), "dib host "));
    try {
      await writeFile(join(folder, "runs"), "", { mode: 0o755 });
      await writeFile(join(folder, "reads"), "text", { mode: 0o644 });
      const probe = openProbe(`/nowhere:${folder}`);
      expect([await probe.which("runs"), await probe.which("reads"), await probe.which("nothing")]).toEqual([
        join(folder, "runs"),
        undefined,
        undefined,
      ]);
      expect([
        await probe.kindOf(folder),
        await probe.kindOf(join(folder, "reads")),
        await probe.kindOf("/dev/null"),
        await probe.kindOf("/nowhere"),
      ]).toEqual(["folder", "file", "other", undefined]);
      expect([await probe.readText(join(folder, "reads")), await probe.readText("/nowhere")]).toEqual([
        "text",
        undefined,
      ]);
      expect((await probe.space(folder))?.freeBytes).toBeGreaterThan(0);
      expect((await probe.space("/proc"))?.freeBytes, "proc counts no blocks").toBe(Infinity);
      expect(await probe.canWrite(join(folder, "nothing"))).toBe(false);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe("what dib doctor tells", () => {
  const factOf = async (what: string, host: FakeHost) =>
    (await describeHost(aHost(host))).find((each) => each.what === what);

  test("is all well on a host that has everything", async () => {
    const files = { ...binfmt("F"), "/proc/filesystems": "nodev\toverlay\n\text4\n\txfs\n\tbtrfs\n" };
    expect((await describeHost(aHost({ files }))).filter(({ ok }) => !ok)).toEqual([]);
  });

  test("names the command of this distribution for what is missing", async () => {
    const fixOn = async (id: string) =>
      (
        await factOf("output format squashfs", {
          without: ["mksquashfs"],
          files: { "/etc/os-release": `NAME=x\nID=${id}\n` },
        })
      )?.fix;
    expect([await fixOn("debian"), await fixOn("fedora"), await fixOn('"opensuse-leap"')]).toEqual([
      "apt-get install squashfs-tools",
      "dnf install squashfs-tools",
      "zypper install squashfs",
    ]);
  });

  test("says what of a kernel is missing, and who may build", async () => {
    expect(await factOf("btrfs", {})).toMatchObject({
      ok: false,
      detail: "missing: btrfs in the kernel",
      fix: "modprobe btrfs",
    });
    expect(await factOf("privileges", { uid: 1000 })).toMatchObject({ ok: true, detail: "user 1000, with sudo" });
    expect(await factOf("privileges", { uid: 1000, without: ["sudo"] })).toMatchObject({
      ok: false,
      fix: "Run it as root, or install sudo.",
    });
    expect(await factOf("Debian and Ubuntu elements", { without: ["mmdebstrap"] })).toMatchObject({ ok: true });
    expect(await factOf("KVM", { readOnly: ["/dev/kvm"] })).toMatchObject({ ok: false, fix: undefined });
  });
});

describe("device mapper", () => {
  const mapped = (values: Record<string, unknown>, ...types: readonly string[]) =>
    aPlan({ disk: { rootFsType: "ext4", nodes: types.map((type) => node(type, values)) } as unknown as PlannedDisk });
  const modules = (text: string) => ({ "/lib/modules/6.1.0/modules.dep": text });
  const loaded = { "/sys/class/misc/device-mapper": "folder" } as const;

  test.each([
    ["nothing of it", {}, mapped({}, "lvm"), "The kernel lacks device mapper, needed for block device lvm."],
    [
      "no module list",
      { files: unseen },
      mapped({}, "luks"),
      "The kernel lacks device mapper, needed for block device luks.",
    ],
    [
      "no dm-crypt",
      { kinds: loaded, files: modules("dm/dm-thin-pool.ko:\n") },
      mapped({}, "luks"),
      "device mapper's dm-crypt",
    ],
    [
      "no thin pools",
      { kinds: loaded, files: modules("dm/dm-crypt.ko:\n") },
      mapped({ type: "thin-pool" }, "lvm"),
      "device mapper's dm-thin-pool",
    ],
  ])("%s is said before the build", async (_, host, plan, message) => {
    await expect(checkHost(plan, places, aHost(host))).rejects.toMatchObject({
      code: "HOST_KERNEL_UNFIT",
      message: expect.stringContaining(message) as string,
    });
  });

  test.each([
    ["can be loaded", { files: modules("dm/dm-mod.ko.xz:\ndm/dm-crypt.ko.xz:\ndm/dm-thin-pool.ko.xz:\n") }],
    ["is there, and a container sees no modules", { kinds: loaded, files: unseen }],
  ])("fine when it %s", async (_, host) => {
    await checkHost(mapped({ type: "thin-pool" }, "lvm", "luks"), places, aHost(host));
  });
});
