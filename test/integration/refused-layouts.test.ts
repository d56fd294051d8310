/** Layouts that nobody can mean, inline and from a file: refused with their place before anything is run, and nothing is left. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { isBuildError } from "@dibjs/core";
import { snapshotTree } from "@dibjs/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readHostState } from "../support/host-guard.js";
import { Project } from "../support/toy-os.js";

const onLoop = (lines: string) => `- local_loop: { name: image0 }\n${lines}`;
const fileSystem = (lines: string) => onLoop(`- mkfs:\n    base: image0\n    name: mkfs_root\n${lines}`);
const partition = (label: string, keys: string) =>
  onLoop(`- partitioning:
    base: image0
    label: ${label}
    partitions:
      - name: root
        size: 100%
        ${keys}
        mkfs: { type: ext4, mount: { mount_point: / } }
`);
const aliasesOfAliases = ["a: &a [x, x]", ..."bcdefghijklmnopqrstuvw"]
  .map((name, index, all) =>
    index === 0 ? name : `${name}: &${name} [${"*_, ".replace("_", (all[index - 1] ?? "").slice(0, 1)).repeat(9)}]`,
  )
  .join("\n");

/** What it is, the layout, line and column of the fault, and what is said. */
const refused: readonly (readonly [what: string, layout: string, at: string, reason: RegExp])[] = [
  ["aliases of aliases", aliasesOfAliases, ":1:4", /alias count/],
  ["an alias of what it is in", "- &a { mkfs: *a }\n", ":1:3", /circular/],
  ["a key that is there twice", fileSystem("    type: ext4\n    type: xfs\n"), ":6:5", /keys must be unique/],
  ["a tab", "- local_loop:\n\tname: image0\n", ":2:1", /Tabs are not allowed/],
  ["nesting without end", `- ${"[".repeat(5000)}${"]".repeat(5000)}`, ":1:", /nested too deeply/],
  [
    "two documents",
    "- local_loop: { name: image0 }\n---\n- local_loop: { name: other }\n",
    ":2:1",
    /more than one document/,
  ],
  ["an object of Python", "- local_loop: !!python/object/apply:os.system [reboot]\n", ":1:15", /Unresolved tag/],
  ["more than 1 MiB", `${onLoop("")}# ${"é".repeat(2 ** 19)}\n`, "", /larger than 1 MiB/],
  ["a command in options of mkfs", fileSystem('    type: ext4\n    opts: ";reboot"\n'), ":3:5", /";reboot" in opts/],
  ["another, to be replaced", fileSystem('    type: xfs\n    opts: "$(reboot)"\n'), ":3:5", /"\$\(reboot\)" in opts/],
  [
    "a disk of the host in options of mkfs",
    fileSystem("    type: btrfs\n    opts: -f /dev/sda\n"),
    ":3:5",
    /"\/dev\/sda" in opts/,
  ],
  [
    "a mount point outside",
    fileSystem("    type: ext4\n    mount: { mount_point: ../../etc }\n"),
    ":6:12",
    /absolute path/,
  ],
  [
    "another, from the root",
    fileSystem("    type: ext4\n    mount: { mount_point: /../etc }\n"),
    ":6:12",
    /without '\.\.'/,
  ],
  ["a name that is a path", "- local_loop: { name: ../../etc/x }\n", ":1:15", /usable as a file name/],
  ["a label of two lines", fileSystem('    type: ext4\n    label: "a\\nb"\n'), ":3:5", /can't be used/],
  ["a UUID that is none", partition("gpt", "uuid: nonsense"), ":6:9", /"nonsense" is not a UUID/],
  ["an attribute that is none", partition("gpt", "attributes: [quick]"), ":6:9", /attribute "quick" is not known/],
  ["a bit that GPT keeps to itself", partition("gpt", "attributes: [7]"), ":6:9", /attribute "7" is not known/],
  ["grow: maybe", partition("gpt", "grow: maybe"), ":6:9", /grow must be true or false/],
  ["a partition label that is too long", partition("gpt", `partlabel: ${"x".repeat(37)}`), ":6:9", /36/],
  ["a label of GPT in an MBR", partition("mbr", "partlabel: system"), ":6:9", /partlabel/],
  [
    "a passphrase in the layout",
    onLoop("- luks: { name: crypt, base: image0, passphrase: secret }\n"),
    ":2:9",
    /never the passphrase itself/,
  ],
];

describe("a layout with", () => {
  const project = new Project();
  let before: unknown;
  const look = async () => ({ ...(await readHostState(project.dir)), files: await snapshotTree(project.dir) });
  beforeAll(async () => {
    mkdirSync(join(project.dir, "tmp"));
    project.script("root.d/00-mark", 'touch "$TMP_BUILD_DIR/../mark"');
    refused.forEach(([, layout], index) => project.write(`layout-${index}.yaml`, layout));
    before = await look();
  });
  afterAll(() => project[Symbol.dispose]());

  const refusalOf = async (blockDevice: string) => {
    const error: unknown = await project.build({ flags: { blockDevice, formats: ["qcow2"] } }).catch((e: unknown) => e);
    if (!isBuildError(error)) throw new Error(`not refused: ${String(error)}`);
    return error;
  };

  test.each(refused.map(([what, layout, at, reason], index) => ({ what, layout, at, reason, index })))(
    "$what",
    async ({ layout, at, reason, index }) => {
      const file = `file://${join(project.dir, `layout-${index}.yaml`)}`;
      for (const [given, origin] of [
        [layout, /^(?!file:)/],
        [file, new RegExp(`^${file}`)],
      ] as const) {
        const { code, context, hint } = await refusalOf(given);
        expect({ code, hint }).toEqual({
          code: "BLOCK_DEVICE_CONFIG_INVALID",
          hint: expect.stringContaining("DIB_BLOCK_DEVICE_CONFIG") as string,
        });
        const { place, reason: said } = context as { place: string; reason: string };
        expect(place).toMatch(origin);
        expect(place).toContain(at);
        expect(said).toMatch(reason);
      }
    },
  );

  test.each([
    ["a file that is not there", "none.yaml", /no such file/],
    ["a folder", "elements", /directory/],
    ["a device that never ends", "/dev/zero", /larger than 1 MiB/],
  ])("%s", async (_what, path, reason) => {
    const { code, context } = await refusalOf(`file://${path}`);
    expect(code).toBe("BLOCK_DEVICE_CONFIG_INVALID");
    expect((context as { reason: string }).reason).toMatch(reason);
  });

  test("none of them leaves anything", async () => {
    expect(existsSync(join(project.dir, "tmp/mark"))).toBe(false);
    expect(await look()).toEqual(before);
  });
});
