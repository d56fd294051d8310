/** Small images, built by both: what scripts see, which of them run, and what comes out. */
import { phases } from "@dibjs/core/phases/table.js";
import type { TreeEntry } from "@dibjs/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildWithBoth, type Both, type Built, type Env } from "../../support/both-builds.js";
import { anElement } from "../../support/build-fixture.js";
import { expectAgreement, type Claim, type Facts } from "../../support/differences.js";
import type { ImageTree } from "../../support/toy-image.js";

const opened: Both[] = [];
afterAll(() => {
  for (const both of opened) both[Symbol.dispose]();
});

async function open(...request: Parameters<typeof buildWithBoth>): Promise<Both> {
  const both = await buildWithBoth(...request);
  opened.push(both);
  for (const { exitCode, log } of [both.dib, both.ours]) expect(exitCode, log.slice(-3000)).toBe(0);
  return both;
}

/** How the two are started, and how many shells they are away. */
const startedWith = new Set(["PYTHONPATH", "PYTHONHASHSEED", "PYTHONDONTWRITEBYTECODE", "SHLVL", "OLDPWD", "_"]);

/** Without folders and devices that have another name each time, and with lists that have no order in one order. */
function comparable(env: Env, { folder }: Built): Env {
  const folders = Object.entries({
    "<lib>": env["_LIB"],
    "<build>": env["TMP_BUILD_DIR"],
    "<image>": env["TMP_IMAGE_DIR"],
    "<folder>": folder,
  });
  const named = (value: string) =>
    folders
      .reduce((text, [name, path]) => (path === undefined ? text : text.replaceAll(path, name)), value)
      .replace(/\/dev\/loop\d+/g, "/dev/loopN");
  // DIB adds its own folder of elements, which is there already.
  const value = (name: string, text: string) =>
    name === "ELEMENTS_PATH" ? [...new Set(named(text).split(":"))].join(":") : named(text);
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, text]) => (startedWith.has(name) ? [] : [[name, value(name, text)]])),
  );
}

type EnvClaim = Claim<string>;
const named = (id: string, ...names: readonly string[]): EnvClaim => ({
  id,
  explains: (_dib, _ours, name) => names.includes(name),
});
const words = (text = "") => (text.match(/[^\s'"]+/g) ?? []).sort().join(" ");

const everywhere: readonly EnvClaim[] = [
  { id: "element-order", explains: (dib, ours, name) => name === "IMAGE_ELEMENT" && words(dib) === words(ours) },
  named("variables-everywhere", "TARGET_ROOT", "TMP_IMAGE_PATH", "DIB_BOOT_LABEL"),
  named("fetch-log", "DIB_FETCH_LOG"),
  named("python-exec", "DIB_PYTHON_EXEC", "DIB_ENV"),
  named("block-device-params", "DIB_BLOCK_DEVICE_PARAMS_YAML"),
  named("settings-in-scripts", "TMP_DIR", "SKIP_BASE"),
];
const outside: readonly EnvClaim[] = [
  {
    id: "element-order",
    explains: (dib, ours, name) => /get_image_element_array/.test(name) && words(dib) === words(ours),
  },
  named("die-status", "BASH_FUNC_die%%", "BASH_FUNC__ps4%%"),
];
const inside: readonly EnvClaim[] = [
  { id: "functions-in-chroot", explains: (dib, _ours, name) => dib === undefined && /^BASH_FUNC_|^PS4$/.test(name) },
  named("sudo-variables", "SUDO_COMMAND", "SUDO_USER", "SUDO_UID", "SUDO_GID", "SHELL", "TERM"),
  { id: "path-in-chroot", explains: (dib, ours, name) => name === "PATH" && dib === `$PATH:${ours}` },
];

/** The probe and the manifests have folders in them that have another name each time; other tests look into them. */
const entriesOf = (tree: ImageTree): Facts<TreeEntry> =>
  Object.fromEntries(
    [...tree].map(([path, { digest, ...entry }]) => [
      path,
      digest === undefined || /^\/(probe|etc\/dib-manifests)\//.test(path) ? entry : { ...entry, digest },
    ]),
  );

describe("a tar and a disk", () => {
  let both: Both;
  beforeAll(async () => {
    both = await open({ options: ["-t", "tar,raw"], elements: ["manifests"], env: { DIB_NOTE: "a b", OTHER: "c" } });
  });

  test.each(phases)("a script of $name sees the same variables", async ({ name, place }) => {
    const [dib, ours] = [await both.dib.env(name), await both.ours.env(name)];
    expectAgreement(comparable(dib, both.dib), comparable(ours, both.ours), [
      ...everywhere,
      ...(place === "chroot" ? inside : outside),
    ]);
  });

  test("the same scripts run in the same order", () => {
    expect(both.ours.scripts()).toEqual(both.dib.scripts());
  });

  test("the trees of the tar are the same", async () => {
    const [dib, ours] = [await both.dib.tree(), await both.ours.tree()];
    const claims: readonly Claim<TreeEntry>[] = [
      { id: "tree-outputs", explains: (_dib, _ours, path) => /^\/(dev\/|proc$|sys$|lost\+found$)/.test(path) },
    ];
    expectAgreement(entriesOf(dib), entriesOf(ours), claims);
  });

  test("the manifests are the same", () => {
    const texts = (built: Built) => comparable(built.manifests(), built);
    expectAgreement(texts(both.dib), texts(both.ours), [named("python-exec", "dib-manifests/dib_environment")]);
  });
});

test("a tar alone: the scripts of the block-device phase run only where there is a disk", async () => {
  const { dib, ours } = await open({ options: ["-t", "tar"] });
  const asFacts = (built: Built) => Object.fromEntries(built.scripts().map((script) => [script, "ran"]));
  expectAgreement(asFacts(dib), asFacts(ours), [named("no-disk-for-tar", "block-device/50-probe")]);
  expect(await ours.env("cleanup")).not.toHaveProperty("IMAGE_BLOCK_DEVICE");
});

describe("a disk", () => {
  const several = `
- local_loop: { name: image0, size: 400MiB }
- partitioning:
    base: image0
    label: mbr
    partitions:
      - { name: boot, flags: [primary], size: 64MiB, mkfs: { type: ext4, label: BOOT, mount: { mount_point: /boot, fstab: { options: "defaults,noatime", fsck-passno: 2 } } } }
      - { name: logs, size: 32MiB, type: "0x83", mkfs: { type: ext4, label: LOGS, mount: { mount_point: /var/log, fstab: { dump-freq: 1 } } } }
      - { name: root, size: 100%, mkfs: { type: ext4, mount: { mount_point: /, fstab: { fsck-passno: 1 } } } }
`;
  const layouts: readonly (readonly [string, Parameters<typeof buildWithBoth>[0]])[] = [
    ["block-device-mbr", { options: ["-t", "raw"], elements: ["block-device-mbr"] }],
    ["block-device-gpt", { options: ["-t", "raw", "--image-size", "1"], elements: ["block-device-gpt"] }],
    ["several partitions", { options: ["-t", "raw"], env: { DIB_BLOCK_DEVICE_CONFIG: several } }],
  ];

  describe.each(layouts)("of %s", (_, request) => {
    let both: Both;
    beforeAll(async () => {
      const look = anElement("look")
        .script("finalise.d/90-look", "cat /etc/fstab >&2")
        .script("post-install.d/10-tree", "mkdir -p /boot /var/log");
      both = await open({ ...request, elements: [...(request.elements ?? []), "look"], fixtures: [look] });
    });

    test("has the same partitions", () => {
      expectAgreement(both.dib.partitions(), both.ours.partitions());
    });

    test("has the same fstab", () => {
      expect(fstabOf(both.ours)).toEqual(fstabOf(both.dib));
    });
  });
});

/** Lines of the fstab that the build has shown in its log. */
const fstabOf = ({ log }: Built): string[] =>
  log
    .split("\n")
    .map((line) => line.replace(/^.*\| /, ""))
    .filter((line) => /^(LABEL|UUID)=/.test(line));
