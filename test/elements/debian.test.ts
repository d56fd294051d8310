import { readdirSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { BuildReport } from "@dibjs/core";
import { startAptProxy, type AptProxy } from "../support/apt-proxy.js";
import { anElement } from "../support/build-fixture.js";
import { cacheFolder } from "../support/cache-folder.js";
import { BuildFolder } from "../support/real-build.js";
import { rootRunOf, runOf, withSnapshots } from "../support/snapshots.js";
import { fileOf, testDifference } from "../support/test-difference.js";
import { textOf, treeOfTar, type ImageTree } from "../support/toy-image.js";

/** One Debian with all of the package's elements: a distribution takes a minute. No kernel, so no initramfs either. */
let folder: BuildFolder;
let report: BuildReport;
let tree: ImageTree;
let proxy: AptProxy;
const cache = join(cacheFolder, "elements");

// What the tree was right after the bootstrap, and what scripts see of the build's own settings.
const subject = anElement("subject")
  .script("root.d/60-keep", 'tar -C "$TARGET_ROOT" --one-file-system -cf "$DIB_TEST_BASE" .')
  .script(
    "install.d/50-look",
    `cat /etc/apt/apt.conf.d/zz-dib-build /etc/dpkg/dpkg.cfg.d/zz-dib-build /usr/sbin/policy-rc.d > /root/settings
ls /var/cache/apt/archives > /root/archives
update-initramfs -c -k 1.2.3 > /root/initramfs
readlink -f /etc/resolv.conf > /root/resolver; env > /root/environment`,
  )
  .script("post-install.d/50-clean", "apt-get clean; ls /var/cache/apt/archives > /root/archives-cleaned");

beforeAll(async () => {
  proxy = await startAptProxy();
  folder = await BuildFolder.open();
  const files = join(folder.path, "files");
  await mkdir(files);
  await writeFile(join(files, "apt.conf"), 'APT::Get::Show-Versions "true";\n');
  await writeFile(
    join(files, "sources.list"),
    `deb ${proxy.mirror} ${proxy.codename} main\ndeb ${proxy.securityMirror} ${proxy.codename}-security main\n`,
  );
  await writeFile(
    join(files, "manifest"),
    JSON.stringify({ packages: [{ package: "hello-never-there", version: "1.0-1" }] }),
  );
  subject.writeTo(join(folder.path, "elements"));
  const request = {
    elements: ["debian", "apt-conf", "apt-sources", "apt-preferences", "subject"],
    elementPaths: [join(folder.path, "elements")],
    flags: { formats: ["tar"], cacheDir: cache },
    env: {
      DIB_RELEASE: proxy.codename,
      DIB_DISTRIBUTION_MIRROR: proxy.mirror,
      DIB_DEBIAN_SECURITY_MIRROR: proxy.securityMirror,
      DIB_DEBIAN_KERNEL: "none",
      DIB_APT_CONF: join(files, "apt.conf"),
      DIB_APT_SOURCES: join(files, "sources.list"),
      DIB_DPKG_MANIFEST: join(files, "manifest"),
      DIB_TEST_BASE: join(folder.path, "base.tar"),
      no_proxy: "127.0.0.1,dib-test.invalid",
    },
  };
  report = await folder.build(withSnapshots(request, folder));
  tree = await treeOfTar(`${folder.image}.tar`, join(folder.path, "tree"));
});

afterAll(async () => folder[Symbol.asyncDispose]());

const seconds = (script: string) =>
  report.phases.flatMap(({ scripts }) => scripts).find((each) => each.script === script)?.seconds;
const isInstalled = (name: string) => report.packages.some((each) => each.name === name);

describe("debootstrap", () => {
  testDifference("debootstrap", "makes a base system out of nothing", () => rootRunOf(folder), {
    added: {
      "/usr/bin/dpkg": { kind: "file", mode: 0o755, owner: "0:0" },
      "/etc/apt/sources.list.d/default.list": { kind: "file", mode: 0o644, owner: "0:0" },
    },
  });
  testDifference("debootstrap", "gives the image a name, interfaces and a locale", () => runOf(folder), {
    added: {
      "/etc/hostname": fileOf("debian\n"),
      "/etc/network/interfaces.d/eth0": fileOf("allow-hotplug eth0\niface eth0 inet dhcp\n"),
      "/etc/default/locale": fileOf("LANG=C.UTF-8\nLC_ALL=C.UTF-8\n"),
    },
  });

  test("leaves a base system with the sources of the image, of which no host name and resolver", async () => {
    const base = await treeOfTar(join(folder.path, "base.tar"), join(folder.path, "base"));
    expect(base.get("/usr/bin/dpkg")).toMatchObject({ kind: "file", owner: "0:0" });
    expect(textOf(base, "/etc/apt/sources.list.d/default.list")).toBe(`deb ${proxy.mirror} ${proxy.codename} main\n`);
    expect(textOf(base, "/etc/apt/sources.list.d/security.list")).toBe(
      `deb ${proxy.securityMirror} ${proxy.codename}-security main\n`,
    );
    expect(
      ["/etc/apt/sources.list", "/etc/hostname", "/etc/resolv.conf", "/etc/apt/apt.conf.d/99mmdebstrap"].filter(
        (path) => base.has(path),
      ),
    ).toEqual([]);
  });

  test("leaves no package lists", () => {
    expect([...tree.keys()].filter((path) => path.startsWith("/var/lib/apt/lists/"))).toEqual([]);
  });

  test("the bootstrap has the newest packages already: nothing is upgraded", () => {
    expect(folder.outputOf("00-up-to-date").join("\n")).not.toMatch(/[1-9]\d* upgraded/);
  });
});

describe("dpkg", () => {
  testDifference("dpkg", "leaves no recommends, a list of packages, and nothing of the build", () => runOf(folder), {
    added: {
      "/etc/apt/apt.conf.d/95disable-recommends": fileOf('APT::Install-Recommends "0";\nAPT::Install-Suggests "0";\n'),
      "/etc/dib-manifests/dib-manifest-dpkg-image": { kind: "file", owner: "0:0" },
    },
    deleted: {
      "/etc/apt/apt.conf.d/zz-dib-build": { kind: "file" },
      "/etc/dpkg/dpkg.cfg.d/zz-dib-build": { kind: "file" },
      "/usr/sbin/policy-rc.d": { kind: "file" },
    },
  });

  test("its settings hold during the build and are gone afterwards", () => {
    const settings = textOf(tree, "/root/settings");
    expect(settings).toContain('Acquire::Languages "none";');
    expect(settings).toContain("force-unsafe-io");
    expect(settings).toContain("exit 101");
    expect(
      [...tree.keys()].filter((path) =>
        /dib-build|dib-deferred|dib-wanted|sbin\/(policy-rc\.d|update-initramfs)/.test(path),
      ),
    ).toEqual([]);
  });

  test("a request for an initramfs is noted, not carried out", () => {
    expect(textOf(tree, "/root/initramfs")).toBe("update-initramfs: noted, made after all packages are installed\n");
  });

  test("packages are kept for later builds, and apt-get clean in the image does not empty the cache", () => {
    const kept = readdirSync(join(cache, "apt/debian", proxy.codename));
    expect(textOf(tree, "/root/archives")).toMatch(/^base-files_.*\.deb$/m);
    expect(textOf(tree, "/root/archives-cleaned")).not.toContain(".deb");
    expect(
      kept
        .filter((name) => /^(base-files|locales|cloud-init)_.*\.deb$/.test(name))
        .map((name) => name.split("_")[0])
        .sort(),
    ).toEqual(expect.arrayContaining(["base-files", "cloud-init", "locales"]));
    expect(
      [...tree.keys()].filter((path) => path.startsWith("/var/cache/apt/archives/") && path.endsWith(".deb")),
    ).toEqual([]);
  });

  test("writes the list of packages, in the image and beside it", async () => {
    const text = await readFile(join(folder.path, "out/image.d/dib-manifests/dib-manifest-dpkg-image"), "utf8");
    const { packages } = JSON.parse(text) as { packages: { package: string; version: string }[] };
    expect(packages.map((each) => each.package)).toEqual(expect.arrayContaining(["base-files", "cloud-init"]));
    expect(textOf(tree, "/etc/dib-manifests/dib-manifest-dpkg-image")).toBe(text);
  });

  test("a proxy of the build is seen by scripts and not kept in the image", () => {
    expect(textOf(tree, "/root/environment")).toContain("dib-test.invalid");
    const settings = [...tree].filter(
      ([path, { kind }]) => kind === "file" && /^\/etc\/(apt|environment|profile)/.test(path),
    );
    expect(settings.filter(([path]) => textOf(tree, path).includes("dib-test.invalid"))).toEqual([]);
  });
});

describe("debian-minimal and debian", () => {
  testDifference("debian-minimal", "the base has an init system, sudo, busybox and Python", () => rootRunOf(folder), {
    added: {
      "/usr/sbin/init": { kind: "link", content: "/lib/systemd/systemd" },
      "/usr/bin/sudo": { kind: "file", mode: 0o4755, owner: "0:0" },
      "/usr/bin/busybox": { kind: "file", mode: 0o755 },
      "/usr/bin/python3": { kind: "link" },
    },
  });
  testDifference("debian", "has the user that cloud-init names, who may do everything", () => runOf(folder), {
    added: {
      "/home/debian": { kind: "folder" },
      "/etc/sudoers.d/debian-cloud-init": fileOf("debian ALL=(ALL) NOPASSWD:ALL\n", 0o440),
    },
  });
  testDifference("package-installs", "what debian and debian-minimal list is installed", () => runOf(folder), {
    added: {
      "/etc/protocols": { kind: "file" },
      "/usr/bin/cloud-init": { kind: "file", mode: 0o755 },
      "/usr/bin/rsync": { kind: "file", mode: 0o755 },
    },
  });

  test("bring a system with systemd, Python and cloud tools", () => {
    expect(
      ["systemd-sysv", "sudo", "python3", "netbase", "cloud-init", "openssh-server"].filter(
        (name) => !isInstalled(name),
      ),
    ).toEqual([]);
    expect(report.packages.filter(({ name }) => name.startsWith("linux-image"))).toEqual([]);
    expect(textOf(tree, "/etc/passwd")).toMatch(/^debian:/m);
  });

  test("nothing is done in phases without wishes", () => {
    expect(seconds("95-package-uninstalls")).toBeLessThan(5);
  });
});

describe("apt-conf, apt-sources and apt-preferences", () => {
  testDifference("apt-conf", "the apt.conf that is given is there", () => runOf(folder), {
    added: { "/etc/apt/apt.conf": fileOf('APT::Get::Show-Versions "true";\n') },
  });
  testDifference(
    "apt-sources",
    "the sources.list that is given replaces the bootstrap's sources",
    () => runOf(folder),
    {
      added: { "/etc/apt/sources.list": { kind: "file", mode: 0o644, owner: "0:0" } },
      deleted: {
        "/etc/apt/sources.list.d/default.list": { kind: "file" },
        "/etc/apt/sources.list.d/security.list": { kind: "file" },
      },
    },
  );
  testDifference("apt-preferences", "each package of the manifest is pinned", () => runOf(folder), {
    added: {
      "/etc/apt/preferences": fileOf("Package: hello-never-there\nPin: version 1.0-1\nPin-Priority: 1001\n"),
    },
  });

  test("no other source is left", () => {
    expect(textOf(tree, "/etc/apt/sources.list").split("\n")).toHaveLength(3);
    expect([...tree.keys()].filter((path) => path.startsWith("/etc/apt/sources.list.d/"))).toEqual([]);
  });

  test("changed sources are fetched, and only then", () => {
    expect(folder.outputOf("99-apt-get-update").join("\n")).toMatch(/Get|Hit/);
  });

  test("no setting of the bootstrap is lost", async () => {
    const before = await treeOfTar(join(folder.path, "base.tar"), join(folder.path, "again"));
    const lost = [...before.keys()].filter((path) => path.startsWith("/etc/") && !tree.has(path));
    expect(lost.filter((path) => !/dib-build|sources\.list\.d/.test(path))).toEqual([]);
  });
});
