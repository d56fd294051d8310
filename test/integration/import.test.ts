/** Elements of the released diskimage-builder become packages. */
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createExec, lintElements, packElements } from "@dibjs/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { anElement } from "../support/build-fixture.js";
import { runDib } from "../support/dib.js";
import { BuildFolder } from "../support/real-build.js";
import { releasedElements } from "../support/released-dib.js";
import { tempFolder } from "../support/temp-folder.js";
import { toyOs, textOf, treeOfTar } from "../support/toy-image.js";

const twenty = [
  ...["apt-conf", "apt-preferences", "cleanup-kernel-initrd", "cloud-init", "dhcp-all-interfaces", "disable-nouveau"],
  ...["dkms", "dynamic-login", "enable-serial-console", "growvols", "iscsi-boot", "journal-to-console"],
  ...[
    "pip-cache",
    "pypi",
    "rax-nova-agent",
    "runtime-ssh-host-keys",
    "simple-init",
    "stable-interface-names",
    "sysctl",
  ],
];
const tools = { exec: createExec(), env: { PATH: process.env["PATH"] ?? "", HOME: "/nonexistent" } };

interface Imported {
  readonly name: string;
  readonly folder: string;
  readonly warnings: readonly string[];
}
let temp: Awaited<ReturnType<typeof tempFolder>>;
let imported: readonly Imported[];

beforeAll(async () => {
  temp = await tempFolder();
  const elements = await releasedElements();
  const folders = twenty.map((name) => join(elements, name));
  const { stdout } = await runDib(["import", ...folders, "--into", "out", "--license", "Apache-2.0", "--json"], {
    cwd: temp.path,
  });
  ({ imported } = (JSON.parse(stdout) as { data: { imported: readonly Imported[] } }).data);
});
afterAll(() => temp[Symbol.asyncDispose]());

/** Rules that dib-lint has, too; the released elements have passed it. */
const dibRules = [
  ...["bash-path", "dibdebugtrace", "element-deps", "environment-mode", "environment-trace", "executable", "export"],
  ...["indent", "mddocs", "newline", "pkg-map", "readme", "safe_sudo", "sete", "setpipefail", "setu", "tabindent"],
  ...["which", "yaml"],
];

test("all elements of the released diskimage-builder pass the rules that dib-lint has", async () => {
  const { elements, findings } = await lintElements({ folder: await releasedElements(), ...tools });
  expect(elements.length).toBeGreaterThan(100);
  expect(findings.filter(({ rule }) => dibRules.includes(rule))).toEqual([]);
});

describe("twenty elements of the released diskimage-builder", () => {
  test("become a package each", () => {
    expect(imported.map(({ name }) => name)).toEqual(twenty);
    expect(readdirSync(join(temp.path, "out"))).toEqual(twenty.map((name) => `dib-element-${name}`).sort());
  });

  test("lint clean", async () => {
    const { exitCode, stdout } = await runDib(["lint", ...imported.map(({ folder }) => folder)], { cwd: temp.path });
    expect([exitCode, stdout]).toEqual([0, ""]);
  });

  test("say what could not be mapped", () => {
    const warningsOf = (name: string) => imported.find((each) => each.name === name)?.warnings;
    expect(warningsOf("rax-nova-agent")).toEqual([]);
    expect(warningsOf("growvols")).toContain("tests/ was left behind: it is for DIB's own test run");
    expect(warningsOf("simple-init")).toContain(
      "it needs the element ensure-venv, and no package with it is known: import it too, or add its package",
    );
  });

  test("can be packed", async () => {
    for (const { folder } of imported)
      expect(await packElements({ folder, ...tools })).toMatchObject({ file: join(folder, "dib-manifest.json") });
  });

  test("build: five of them do their work in an image", async () => {
    await using folder = await BuildFolder.open();
    const own = join(folder.path, "elements");
    toyOs().writeTo(own);
    anElement("toy-apt").script("root.d/20-toy-apt", 'mkdir -p "$TARGET_ROOT"/etc/{apt,udev/rules.d}').writeTo(own);
    const aptConf = join(folder.path, "apt.conf");
    writeFileSync(aptConf, 'APT::Get::Assume-Yes "true";\n');
    await folder.build({
      elements: [
        "toy-os",
        "toy-apt",
        "apt-conf",
        "disable-nouveau",
        "journal-to-console",
        "stable-interface-names",
        "sysctl",
      ],
      elementPaths: [own, join(temp.path, "out")],
      env: { DIB_APT_CONF: aptConf },
      flags: { base: false, formats: ["tar"] },
    });
    const tree = await treeOfTar(`${folder.image}.tar`, join(folder.path, "tree"));
    expect(textOf(tree, "/etc/apt/apt.conf")).toBe('APT::Get::Assume-Yes "true";\n');
    expect(textOf(tree, "/etc/modprobe.d/disable-nouveau.conf")).toContain("blacklist nouveau");
    expect(textOf(tree, "/etc/systemd/journald.conf.d/log-to-console.conf")).toContain("ForwardToConsole=true");
    expect(tree.get("/usr/local/bin/sysctl-set-value")?.mode).toBe(0o755);
    const ran = folder.events.flatMap((event) => (event.type === "script-end" ? [event.element] : []));
    expect(ran).toContain("stable-interface-names");
  });
});
