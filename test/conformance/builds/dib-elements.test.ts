/** Images of DIB's own elements, as its distribution package has them: its folder goes before ours, and nothing in it is changed. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import type { BuildReport } from "@dibjs/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DibElementBuilds } from "../../support/dib-element-builds.js";
import { vector } from "../../support/vectors.js";

let builds: DibElementBuilds;

beforeAll(async () => {
  builds = await DibElementBuilds.open();
});

afterAll(() => builds[Symbol.asyncDispose]());

const password = "correct horse battery";
const toLogin = ["--expect", "login:"];

interface Case {
  readonly elements: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly talk?: readonly string[];
  readonly partitions: readonly string[];
  readonly packages: readonly string[];
}

const cases: readonly Case[] = [
  { elements: ["debian-minimal", "vm"], partitions: ["root"], packages: ["systemd-sysv", "grub-pc"] },
  {
    elements: ["debian", "vm", "cloud-init-nocloud", "devuser"],
    env: { DIB_DEV_USER_PASSWORD: password, DIB_DEV_USER_PWDLESS_SUDO: "yes" },
    talk: [
      ...[...toLogin, "--send", "devuser", "--expect", "Password:", "--send", password],
      ...["--expect", "$ ", "--send", "sudo id -un | sed 's/^/user=/'", "--expect", "user=root"],
    ],
    partitions: ["root"],
    packages: ["cloud-init", "sudo"],
  },
  { elements: ["debian-minimal", "block-device-gpt", "vm"], partitions: ["BSP", "root"], packages: ["grub-pc"] },
  {
    elements: ["debian-minimal", "vm", "openssh-server", "dhcp-all-interfaces", "growroot"],
    partitions: ["root"],
    packages: ["openssh-server", "cloud-guest-utils"],
  },
];

/** Names of the elements that did not come from DIB's folder. */
const notOfDib = ({ elements }: BuildReport): string[] =>
  elements.filter(({ source }) => source !== "elements-path").map(({ name }) => name);

test("debian-minimal to tar", async () => {
  const report = await builds.build(["debian-minimal"], "tar");
  expect(notOfDib(report)).toEqual([]);
  const names = execFileSync("tar", ["-tf", join(builds.path, "image.tar")], { maxBuffer: 2 ** 28 })
    .toString()
    .split("\n");
  expect(names).toEqual(
    expect.arrayContaining(["./etc/debian_version", "./usr/bin/apt-get", "./proc/", "./sys/", "./dev/"]),
  );
  expect(names.filter((name) => /^\.\/((tmp|dev|proc|sys)\/.|lost\+found|etc\/resolv\.conf\.ORIG)/.test(name))).toEqual(
    [],
  );
});

test.each(cases.map((one) => [one.elements.join(" "), one] as const))(
  "%s to qcow2, up to its login",
  async (_, one) => {
    const report = await builds.build(one.elements, "qcow2", one.env);
    expect(notOfDib(report)).toEqual([]);
    expect(report.disk?.partitions.map(({ name }) => name)).toEqual(one.partitions);
    expect(report.packages.map(({ name }) => name)).toEqual(expect.arrayContaining([...one.packages]));
    const booted = await builds.boot(...(one.talk ?? toLogin));
    expect(booted, booted.stdout.slice(-3000)).toMatchObject({ exitCode: 0 });
  },
);

/** What the kernel was told and how large the root is, once somebody has logged in. */
describe("booted on a larger disk", () => {
  let said = "";
  beforeAll(async () => {
    const login = { DIB_DEV_USER_PASSWORD: password, DIB_DEV_USER_PWDLESS_SUDO: "yes" };
    await builds.build(["debian-minimal", "vm", "growroot", "devuser"], "qcow2", {
      ...login,
      DIB_BOOTLOADER_DEFAULT_CMDLINE: "nofb nomodeset note=ours",
    });
    execFileSync("qemu-img", ["resize", join(builds.path, "image.qcow2"), "6G"]);
    const { exitCode, stdout } = await builds.boot(
      ...[...toLogin, "--send", "devuser", "--expect", "Password:", "--send", password, "--expect", "$ "],
      ...["--send", "cat /proc/cmdline", "--expect", "$ "],
      ...["--send", "df -B1 --output=size / | tail -1 | sed 's/^/root-bytes=/'"],
      ...["--send", "echo said-$((40 + 2))", "--expect", "said-42"],
    );
    said = stdout;
    expect(exitCode, stdout.slice(-3000)).toBe(0);
  });

  vector("boot/root-grown", () => {
    expect(Number(/root-bytes= *(\d+)/.exec(said)?.[1])).toBeGreaterThan(5e9);
  });

  vector("boot/command-line", () => {
    expect(said).toMatch(/root=LABEL=cloudimg-rootfs .*console=tty0 console=ttyS0,115200 .*nofb nomodeset note=ours/);
  });
});
