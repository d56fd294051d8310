/**
 * Those who run diskimage-builder, with their command lines as their sources have them: built for real with DIB's own
 * elements first, and with Debian in place of Ubuntu. What they read afterwards is there, and is what they take it for.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { anElement, type ElementFixture } from "../../support/build-fixture.js";
import { dibElementsEnvironment } from "../../support/dib-element-builds.js";
import { runDib, type DibResult } from "../../support/dib.js";
import { runDropIn } from "../../support/drop-in.js";
import { releasedElements } from "../../support/released-dib.js";

let folder: string;
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp("/var/tmp/dibjs-clients-"); // no space: DIB's scripts split at it
  for (const name of ["tmp", "elements"]) mkdirSync(at(name));
  for (const element of clientsElements) element.writeTo(at("elements"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const installs = (name: string, ...packages: readonly string[]): ElementFixture =>
  anElement(name)
    .dependsOn("package-installs")
    .file("package-installs.yaml", packages.map((each) => `${each}:\n`).join(""));

/** What the clients bring along, no more of it than makes a difference to the build. */
const clientsElements: readonly ElementFixture[] = [
  installs("haproxy-octavia", "haproxy"),
  installs("keepalived-octavia", "keepalived"),
  installs("ipvsadmin", "ipvsadm"),
  anElement("rebind-sshd").script("post-install.d/90-rebind-sshd", "set -eu\ntouch /etc/rebind-sshd"),
  anElement("no-resolvconf").script("finalise.d/99-no-resolvconf", "set -eu\nrm -f /sbin/resolvconf"),
  anElement("remove-default-ints").script("install.d/91-remove-default-ints", "rm -f /etc/network/interfaces.d/eth*"),
  anElement("nodepool-base")
    .dependsOn("openssh-server", "package-installs")
    .script("install.d/20-ssh-key", 'set -eu\nprintf %s "$ZUUL_USER_SSH_PUBLIC_KEY" > /etc/zuul-keys'),
  anElement("block-device-kubernetes")
    .provides("block-device")
    .file(
      "block-device-default.yaml",
      `- local_loop: { name: image0 }
- partitioning:
    base: image0
    label: gpt
    partitions:
      - { name: BSP, type: EF02, size: 8MiB }
      - name: root
        type: "8300"
        size: 100%
        mkfs: { type: ext4, label: cloudimg-rootfs, mount: { mount_point: /, fstab: { options: "defaults", fsck-passno: 1 } } }
`,
    )
    .file("environment.d/10-layout", "export DIB_BLOCK_DEVICE=gpt\n"),
  anElement("kubernetes").script(
    "install.d/50-kubernetes",
    'set -eu\n[ "$DIB_SKIP_BASE_PACKAGE_INSTALL" = 1 ]\necho "$DIB_KUBERNETES_VERSION" > /etc/kubernetes-version',
  ),
];

async function create(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<DibResult> {
  const result = await runDropIn("disk-image-create", args, {
    cwd: folder,
    env: {
      ...(await dibElementsEnvironment()),
      ELEMENTS_PATH: `${at("elements")}:${await releasedElements()}`,
      TMP_DIR: at("tmp"),
      // One after the other they begin with the same tree: DIB's own switches for that.
      DIB_IMAGE_CACHE: at("cache"),
      DIB_DEBOOTSTRAP_CACHE: "1",
      DIB_DEBIAN_USE_DEBOOTSTRAP_CACHE: "1",
      ...env,
    },
  });
  const log = result.stdout + result.stderr;
  expect(result.exitCode, log.slice(-4000)).toBe(0);
  return result;
}

const infoOf = (file: string) =>
  JSON.parse(execFileSync("qemu-img", ["info", "--output=json", at(file)], { encoding: "utf8" })) as {
    format: string;
    "virtual-size": number;
    "format-specific"?: { data: { compat: string } };
  };

/** As nodepool reads them: the first 32 and 64 characters of the files beside the image. */
function expectSums(file: string): void {
  const bytes = readFileSync(at(file));
  for (const [kind, length] of [
    ["md5", 32],
    ["sha256", 64],
  ] as const)
    expect(readFileSync(at(`${file}.${kind}`), "utf8").slice(0, length)).toBe(
      createHash(kind).update(bytes).digest("hex"),
    );
}

const packagesOf = (image: string): readonly string[] => {
  const manifest = at(`${image}.d/dib-manifests/dib-manifest-dpkg-${image}`);
  return (JSON.parse(readFileSync(manifest, "utf8")) as { packages: { package: string }[] }).packages.map(
    (one) => one.package,
  );
};

async function expectLogin(file: string): Promise<void> {
  const booted = await runDib(["boot", at(file), "--expect", "login:", "--timeout", "900"], { cwd: folder });
  expect(booted.exitCode, booted.stdout.slice(-3000)).toBe(0);
}

const textOf = (image: string, path: string): string =>
  execFileSync("tar", ["-xOf", at(`${image}.tar`), `.${path}`], { encoding: "utf8" });

describe("qcow2 and tar with sums", () => {
  beforeAll(() => create(["-a", "amd64", "-o", "img", "-t", "qcow2,tar", "--checksum", "vm", "debian-minimal"]));

  test("both are there, and so are their sums", () => {
    expect(infoOf("img.qcow2").format).toBe("qcow2");
    for (const file of ["img.qcow2", "img.tar"]) expectSums(file);
    expect(textOf("img", "/etc/debian_version")).toMatch(/^12\./);
    expect(packagesOf("img")).toContain("grub-pc");
  });

  test("the disk boots to a login", () => expectLogin("img.qcow2"));
});

test("nodepool-builder", async () => {
  const key = "ssh-rsa AAAA one\nssh-ed25519 BBBB two\n";
  const options = ["-x", "-t", "qcow2,raw,tar", "--checksum", "--no-tmpfs", "--qemu-img-options", "compat=0.10"];
  const { stdout, stderr } = await create(
    [...options, "-o", at("debian-0000000001"), "debian-minimal", "vm", "nodepool-base", "growroot"],
    {
      DIB_IMAGE_NAME: "debian",
      DIB_IMAGE_FILENAME: "debian-0000000001",
      DIB_JOURNAL_SIZE: "512",
      DIB_SHOW_IMAGE_USAGE: "1",
      DIB_APT_LOCAL_CACHE: "0",
      ZUUL_USER_SSH_PUBLIC_KEY: key,
    },
  );
  expect(stdout + stderr).toContain("Build completed successfully");
  const { format, "format-specific": specific } = infoOf("debian-0000000001.qcow2");
  expect([format, specific?.data.compat]).toEqual(["qcow2", "0.10"]);
  for (const kind of ["qcow2", "raw"]) expectSums(`debian-0000000001.${kind}`);
  // What it reports to statsd: blocks, not the size.
  const raw = statSync(at("debian-0000000001.raw"));
  expect(raw.blocks * 512).toBeLessThan(raw.size);
  expect(textOf("debian-0000000001", "/etc/zuul-keys")).toBe(key);
  expect(existsSync(at("debian-0000000001.d/dib-manifests"))).toBe(true);
});

test("Octavia's script", async () => {
  const amphora =
    "base vm debian-minimal haproxy-octavia rebind-sshd no-resolvconf cloud-init-datasources remove-default-ints keepalived-octavia ipvsadmin pip-cache";
  const file = "amphora-x64-haproxy.qcow2";
  const size = ["--image-size", "2", "--image-cache", at("cache")];
  await create(["", "", "-a", "amd64", "-o", at(file), "-t", "qcow2", ...size, "", amphora], {
    DIB_OCTAVIA_AMP_USE_NFTABLES: "True",
    DIB_CLOUD_INIT_DATASOURCES: "ConfigDrive",
    DIB_GRUB_TIMEOUT: "0",
  });
  expect(infoOf(file)).toMatchObject({ format: "qcow2", "virtual-size": 2 * 2 ** 30 });
  expect(packagesOf("amphora-x64-haproxy")).toEqual(expect.arrayContaining(["haproxy", "keepalived", "ipvsadm"]));
});

test("capo-image-elements", async () => {
  await create(
    ["-t", "qcow2,raw", "-o", "debian-12-v1.30.0", "vm", "debian-minimal", "block-device-kubernetes", "kubernetes"],
    {
      DIB_KUBERNETES_VERSION: "1.30.0",
      DIB_MIN_TMPFS: "4",
      DIB_SKIP_BASE_PACKAGE_INSTALL: "1",
      DIB_IMAGE_SIZE: "3",
    },
  );
  for (const kind of ["qcow2", "raw"])
    expect(infoOf(`debian-12-v1.30.0.${kind}`)).toMatchObject({ format: kind, "virtual-size": 3 * 2 ** 30 });
});

test("zuul-jobs' role, up to the login of its raw disk", async () => {
  const elements = "debian-minimal vm growroot devuser openssh-server journal-to-console openstack-ci-mirrors";
  const log = at("diskimage-debian.log");
  const { stdout } = await create(["-o", at("debian"), "-t", "raw", "--logfile", log, ...elements.split(" ")], {
    ROOT_LABEL: "gate-rootfs",
    DIB_DEV_USER_USERNAME: "zuul",
  });
  expect(stdout).toBe("");
  expect(readFileSync(log, "utf8")).toMatch(/^\d{4}-\d\d-\d\d [\d:.]+ \| .*Build completed successfully$/m);
  await expectLogin("debian.raw");
});
