/**
 * ubuntu-minimal, ubuntu and what both share, ubuntu-common, against an archive and cloud images on loopback: built as
 * disks, compared with what they were made from, and booted.
 */
import { statSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createExec, type BuildError } from "@dibjs/core";
import { mustRun } from "@dibjs/core/process/exec.js";
import { startCloudImageServer, type CloudImageServer, type CloudImageVariant } from "../support/cloud-image-server.js";
import { runDib } from "../support/dib.js";
import { serveFolder, type Fault, type FileServer } from "../support/file-server.js";
import { readHostState } from "../support/host-guard.js";
import { BuildFolder } from "../support/real-build.js";
import { rootRunOf, runOf, withSnapshots } from "../support/snapshots.js";
import { testDifference } from "../support/test-difference.js";
import { openUbuntuArchive, serveUbuntuArchive, type UbuntuArchive } from "../support/ubuntu-archive.js";

const minutes = 60_000;
const exec = createExec();
let archive: UbuntuArchive;
let mirrors: FileServer;
let images: CloudImageServer;
let minimalDisk: DiskBuild;
let ubuntuDisk: DiskBuild;

beforeAll(async () => {
  archive = await openUbuntuArchive();
  mirrors = await serveUbuntuArchive(archive);
  images = await startCloudImageServer(archive);
  // Both at once: each leaves a processor idle for half of its time.
  [minimalDisk, ubuntuDisk] = await Promise.all([
    buildDisk(["ubuntu-minimal", "vm"], { ...environment(), DIB_UBUNTU_KERNEL: "linux-image-virtual" }, [
      "dib-test-update",
    ]),
    buildDisk(["ubuntu", "vm"], {
      ...environment("cut-once"),
      DIB_CLOUD_INIT_DATASOURCES: "NoCloud", // the default, Ec2, waits for Amazon's metadata service before anybody can log in
      DIB_SKIP_BASE_PACKAGE_INSTALL: "1",
    }),
  ]);
}, 20 * minutes);
afterAll(async () => {
  await minimalDisk?.[Symbol.asyncDispose]();
  await ubuntuDisk?.[Symbol.asyncDispose]();
  await images?.[Symbol.asyncDispose]();
  await mirrors?.[Symbol.asyncDispose]();
});

/** Loopback instead of Ubuntu's hosts; the keys of the archive instead of Ubuntu's. */
const environment = (cloudImage: CloudImageVariant = "good") => ({
  DIB_DISTRIBUTION_MIRROR: `${mirrors.url}/good`,
  DIB_CLOUD_IMAGES: images.urlOf(cloudImage),
  DIB_UBUNTU_KEY_FINGERPRINTS: `${archive.key.fingerprint} ${archive.expired.fingerprint}`,
});

interface DiskBuild extends AsyncDisposable {
  readonly folder: BuildFolder;
  read(path: string): Promise<string>;
}

async function buildDisk(
  elements: readonly string[],
  env: Readonly<Record<string, string>>,
  packages: readonly string[] = [],
): Promise<DiskBuild> {
  const folder = await BuildFolder.open();
  await folder.build(withSnapshots({ elements, env, flags: { formats: ["qcow2", "tar"], packages } }, folder));
  return {
    folder,
    async read(path) {
      const args = ["--to-stdout", "--extract", "--file", `${folder.image}.tar`, `.${path}`];
      return mustRun(exec, "tar", args);
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** Kernels and their initramfs that the phases after root have added. */
const kernelsOf = (folder: BuildFolder) =>
  Object.keys(runOf(folder).tree.added).filter((path) => /^\/boot\/(vmlinuz|initrd\.img)-/.test(path));

/** Returns how `dib boot` ended, and what came over the serial line when it was not the prompt. */
const boot = async ({ image, path }: BuildFolder): Promise<string> => {
  const args = ["boot", `${image}.qcow2`, "--expect", "login:", "--timeout", "600", "--accel", "tcg"];
  const { exitCode, stdout, stderr } = await runDib(args, { cwd: path });
  return exitCode === 0 ? "it is up" : `exit code ${exitCode}\n${stdout.slice(-3000)}\n${stderr.slice(-1000)}`;
};

describe("ubuntu-minimal", () => {
  testDifference("ubuntu-minimal", "makes Ubuntu out of nothing", () => rootRunOf(minimalDisk.folder), {
    added: {
      "/usr/lib/os-release": { kind: "file", mode: 0o644, owner: "0:0" },
      "/usr/bin/sudo": { kind: "file", mode: 0o4755, owner: "0:0" },
      "/etc/apt/sources.list.d/ubuntu-security.list": { kind: "file", mode: 0o644, owner: "0:0" },
    },
  });

  test("bootstraps Ubuntu with the packages of the base", async () => {
    expect(await minimalDisk.read("/usr/lib/os-release")).toContain('NAME="Ubuntu"');
    const status = await minimalDisk.read("/var/lib/dpkg/status");
    for (const name of ["systemd-sysv", "busybox", "sudo", "python3"])
      expect(status).toContain(`Package: ${name}\nStatus: install ok installed\n`);
  });

  test("leaves all suites of the mirror as sources, with both components", async () => {
    const suites = ["", "-updates", "-security", "-backports"];
    for (const suite of suites) {
      expect(await minimalDisk.read(`/etc/apt/sources.list.d/ubuntu${suite}.list`)).toBe(
        `deb ${mirrors.url}/good noble${suite} main universe\n`,
      );
    }
  });

  test("installs what is newest in any of them", async () => {
    const status = await minimalDisk.read("/var/lib/dpkg/status");
    const update = status.split("\n\n").find((stanza) => stanza.startsWith("Package: dib-test-update\n"));
    expect(update).toMatch(/^Version: 1\.1$/m);
  });

  test("takes only the pinned key of the mirror's keyring package", () => {
    const [line] = minimalDisk.folder.outputOf("07-ubuntu-keyring");
    expect(line).toContain(
      `: ${archive.key.fingerprint}, ${archive.expired.fingerprint} (left out: ${archive.stranger.fingerprint})`,
    );
  });

  test("adds the kernel that DIB_UBUNTU_KERNEL names, with its initramfs", async () => {
    expect(await minimalDisk.read("/var/lib/dpkg/status")).toContain(
      "Package: linux-image-virtual\nStatus: install ok installed\n",
    );
    expect(kernelsOf(minimalDisk.folder)).toHaveLength(2);
  });

  testDifference("ubuntu-common", "switches temporary IPv6 addresses off", () => runOf(minimalDisk.folder), {
    added: { "/etc/sysctl.d/99-cloudimg-ipv6.conf": { kind: "file", mode: 0o644, owner: "0:0" } },
  });

  test("no interface makes temporary IPv6 addresses", async () => {
    expect(await minimalDisk.read("/etc/sysctl.d/99-cloudimg-ipv6.conf")).toMatch(
      /^net\.ipv6\.conf\.all\.use_tempaddr = 0$/m,
    );
  });
});

describe("ubuntu", () => {
  test("resumes a download that was cut, and says who signed it", () => {
    const asked = images.requests.filter(({ path, method }) => method === "GET" && path.endsWith(images.name));
    expect(asked.map(({ range }) => range)).toEqual([undefined, expect.stringMatching(/^bytes=[1-9]\d*-$/)]);
    const said = ubuntuDisk.folder.outputOf("10-ubuntu-tarball").join("\n");
    expect(said).toContain(`is signed by ${archive.key.fingerprint}`);
    expect(said).toContain(`${images.sizeBytes} bytes, ${images.sizeBytes} of them fetched now`);
  });

  testDifference(
    "ubuntu",
    "is the cloud image with a kernel's boot loader and the sources changed",
    () => runOf(ubuntuDisk.folder),
    {
      added: { "/boot/grub/grub.cfg": { kind: "file", owner: "0:0" } },
      changed: { "/etc/apt/sources.list.d/ubuntu.sources": { after: { kind: "file", mode: 0o644 } } },
    },
  );

  test("points the image's apt at the mirror", async () => {
    const sources = await ubuntuDisk.read("/etc/apt/sources.list.d/ubuntu.sources");
    expect(sources).toContain(`URIs: ${mirrors.url}/good\n`);
    expect(sources).not.toContain("ubuntu.com");
  });

  test("adds a kernel, and the boot loader of the disk instead of the cloud image's", async () => {
    expect(kernelsOf(ubuntuDisk.folder)).toHaveLength(2);
    expect(ubuntuDisk.folder.outputOf("00-remove-grub").join("\n")).toMatch(/Removing grub-pc/);
  });

  test("limits cloud-init to the sources that are named", async () => {
    expect(await ubuntuDisk.read("/etc/cloud/cloud.cfg.d/91-dib-cloud-init-datasources.cfg")).toBe(
      "datasource_list: [ NoCloud, None ]\n",
    );
  });
});

describe.concurrent("what was built", () => {
  test.for([
    ["ubuntu-minimal", () => minimalDisk],
    ["ubuntu", () => ubuntuDisk],
  ] as const)("%s boots to a login prompt", { timeout: 15 * minutes }, async ([, disk], local) => {
    local.expect(await boot(disk().folder)).toBe("it is up");
  });
});

describe("what cannot be verified", () => {
  const attempt = async (folder: BuildFolder, elements: readonly string[], env: Readonly<Record<string, string>>) =>
    folder.build({ elements, env, flags: { formats: ["tar"], base: false } }).then(
      () => ({ code: "none" }),
      (error: unknown) => error,
    );

  test.each([
    ["broken-signature", "SIGNATURE_INVALID"],
    ["wrong-key", "SIGNATURE_KEY_UNTRUSTED"],
    ["expired-key", "SIGNATURE_KEY_EXPIRED"],
    ["wrong-checksum", "FETCH_CHECKSUM_WRONG"],
    ["truncated", "FETCH_TRUNCATED"],
  ] as const)("a cloud image with %s is refused with %s, and nothing is left", async (variant, code) => {
    await using folder = await BuildFolder.open();
    const before = await readHostState(folder.path);
    expect(await attempt(folder, ["ubuntu"], environment(variant))).toMatchObject({ code, kind: "fetch" });
    expect(folder.events.some((event) => event.type === "phase-start" && event.phase === "extra-data")).toBe(false);
    expect(await readHostState(folder.path)).toEqual(before);
  });

  test("a keyring package without a pinned key is refused with SIGNATURE_KEY_UNTRUSTED, whatever the mirror says", async () => {
    await using folder = await BuildFolder.open();
    const env = { DIB_DISTRIBUTION_MIRROR: `${mirrors.url}/good` };
    expect(await attempt(folder, ["ubuntu-minimal"], env)).toMatchObject({
      code: "SIGNATURE_KEY_UNTRUSTED",
      context: { trusted: ["F6ECB3762474EDA9D21B7022871920D1991BC93C", "790BC7277767219C42C86F933B4FE6ACC0B21F32"] },
    });
  });

  const minimal = (url: string) => ({ ...environment(), DIB_DISTRIBUTION_MIRROR: url });
  /** Debian's element on the same archive: what it does to verify is the same. */
  const debianMinimal = (url: string) => ({
    ...minimal(url),
    DIB_RELEASE: "noble",
    DIB_APT_KEYRING: archive.keyring,
    DIB_APT_SOURCES_CONF: `main:deb ${url} noble main universe`,
  });

  test.each([
    ["broken-signature", "SIGNATURE_INVALID"],
    ["wrong-key", "SIGNATURE_KEY_UNTRUSTED"],
    ["expired-key", "SIGNATURE_KEY_EXPIRED"],
  ] as const)("an archive with %s is refused with %s before anything is installed", async (variant, code) => {
    const url = `${mirrors.url}/${variant}`;
    const keys = await Promise.all([archive.key, archive.expired].map(({ keyring }) => readFile(keyring)));
    for (const element of ["ubuntu-minimal", "debian-minimal"]) {
      await using folder = await BuildFolder.open();
      const keyring = join(folder.path, "keyring.gpg");
      await writeFile(keyring, Buffer.concat(keys));
      const env = element === "ubuntu-minimal" ? minimal(url) : { ...debianMinimal(url), DIB_APT_KEYRING: keyring };
      const before = await readHostState(folder.path);
      expect(await attempt(folder, [element], env)).toMatchObject({
        code,
        kind: "fetch",
        context: { file: `${url}/dists/noble/InRelease` },
      });
      expect(folder.outputOf("08-debootstrap")).toEqual([]);
      expect(await readHostState(folder.path)).toEqual(before);
    }
  });

  const isPackage = (path: string) => /\/base-files_.*\.deb$/.test(path);
  const isIndex = (path: string) => /\/noble\/main\/.*\/Packages(\.gz)?$/.test(path);
  const other = (path: string): Fault => ({ body: "x".repeat(statSync(join(archive.folder, path)).size) });
  const cut = (): Fault => ({ cutAfterBytes: 2000 });

  test.each([
    ["a package with another content", isPackage, other, "FETCH_CHECKSUM_WRONG"],
    ["a package that is cut off", isPackage, cut, "FETCH_TRUNCATED"],
    ["a package that is shorter", isPackage, (): Fault => ({ body: "short" }), "FETCH_TRUNCATED"],
    ["a package that is not there", isPackage, (): Fault => ({ status: 404 }), "FETCH_FAILED"],
    ["an index with another content", isIndex, other, "FETCH_CHECKSUM_WRONG"],
    ["an index that is cut off", isIndex, cut, "FETCH_TRUNCATED"],
  ] as const)("%s is refused by the bootstrap with its own code", async (_, isMeant, fault, code) => {
    await using server = await serveFolder(archive.folder, (path) => (isMeant(path) ? fault(path) : undefined));
    await using folder = await BuildFolder.open();
    const before = await readHostState(folder.path);
    const failure = await attempt(folder, ["debian-minimal"], debianMinimal(`${server.url}/good`));
    expect(failure).toMatchObject({ code, kind: "fetch" });
    expect((failure as BuildError<"FETCH_FAILED">).context.url).toMatch(
      isMeant === isPackage ? /\/base-files_/ : /\/noble\/main\/binary-/,
    );
    expect(await readHostState(folder.path)).toEqual(before);
  });

  test("an index that is no gzip file is refused by who looks for the keyring package in it", async () => {
    await using server = await serveFolder(archive.folder, (path) => (isIndex(path) ? other(path) : undefined));
    await using folder = await BuildFolder.open();
    expect(await attempt(folder, ["ubuntu-minimal"], minimal(`${server.url}/good`))).toMatchObject({
      code: "FETCH_FAILED",
      context: { url: expect.stringMatching(/Packages\.gz$/) as string },
    });
  });
});
