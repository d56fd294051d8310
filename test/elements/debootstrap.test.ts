/** The base system without mmdebstrap, and a base that was kept. */
import { join } from "node:path";
import type { BuildReport } from "@dibjs/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startAptProxy, type AptProxy } from "../support/apt-proxy.js";
import { pathWithout } from "../support/hide-program.js";
import { BuildFolder } from "../support/real-build.js";
import { rootRunOf, snapshotOf, withSnapshots } from "../support/snapshots.js";
import { testDifference } from "../support/test-difference.js";

let folder: BuildFolder;
let proxy: AptProxy;
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

beforeAll(async () => {
  proxy = await startAptProxy();
  folder = await BuildFolder.open();
});
afterAll(() => folder[Symbol.asyncDispose]());

/** Of one folder, so that what is kept is found again; the events are those of this build. */
function build(env: Readonly<Record<string, string>>): Promise<BuildReport> {
  folder.events.splice(0);
  const request = {
    elements: ["debian-minimal"],
    flags: { formats: ["tar"], base: false },
    env: {
      PATH: pathWithout("mmdebstrap", join(folder.path, `path-${Object.keys(env).join("-")}`)),
      DIB_RELEASE: proxy.codename,
      DIB_DISTRIBUTION_MIRROR: proxy.mirror,
      DIB_DEBIAN_SECURITY_MIRROR: proxy.securityMirror,
      DIB_DEBIAN_KERNEL: "none",
      ...env,
    },
  };
  return folder.build(withSnapshots(request, folder));
}

const said = () => folder.outputOf("08-debootstrap").join("\n");
const has = ({ packages }: BuildReport, name: string) => packages.some((each) => each.name === name);

describe("without mmdebstrap", () => {
  let report: BuildReport;
  beforeAll(async () => {
    report = await build({ DIB_DEBOOTSTRAP_CACHE: "1", DIB_DEBOOTSTRAP_INCLUDE: "busybox" });
  });

  testDifference("debootstrap", "debootstrap makes the base out of nothing", () => rootRunOf(folder), {
    added: {
      "/usr/bin/dpkg": { kind: "file", mode: 0o755, owner: "0:0" },
      "/usr/bin/busybox": { kind: "file", mode: 0o755, owner: "0:0" },
      "/etc/apt/sources.list.d/security.list": { kind: "file", mode: 0o644, owner: "0:0" },
    },
  });

  test("the bootstrapper is debootstrap, and nothing of the host is in its base", () => {
    expect(said()).toMatch(/^I: Retrieving /m);
    const base = Object.keys(snapshotOf(folder, "before"));
    expect(
      base.filter((path) => ["/etc/hostname", "/etc/resolv.conf", "/etc/apt/sources.list"].includes(path)),
    ).toEqual([]);
  });

  test("packages are as new as all sources have them, though debootstrap knows one source only", () => {
    expect(folder.outputOf("08-debootstrap").join("\n")).toMatch(/\d+ upgraded, \d+ newly installed/);
    expect(has(report, "busybox")).toBe(true);
  });

  describe("a base that was kept", () => {
    beforeAll(async () => {
      report = await build({
        DIB_DEBIAN_USE_DEBOOTSTRAP_CACHE: "1",
        DIB_DEBOOTSTRAP_INCLUDE: "busybox,sudo",
        DIB_APT_KEYRING: keyring,
      });
    });

    test("is used instead of a new one when that is asked for", () => {
      expect(said()).toMatch(/^using .*\/debootstrap-debian-\w+-\w+\.tar\.gz$/m);
      expect(said()).not.toMatch(/^I: Retrieving /m);
    });

    test("has the packages and the keyring of this build", () => {
      expect(has(report, "sudo")).toBe(true);
      expect(snapshotOf(folder, "before")["/etc/apt/trusted.gpg.d/dib-archive.gpg"]).toMatchObject({ kind: "file" });
    });

    test("is used as it is without network", async () => {
      report = await build({ DIB_OFFLINE: "1", DIB_DEBOOTSTRAP_INCLUDE: "busybox", http_proxy: "http://127.0.0.1:9" });
      expect(said()).toMatch(/^using /m);
      expect(has(report, "busybox")).toBe(true);
      expect(has(report, "sudo")).toBe(false);
    });
  });
});
