import { expect } from "vitest";
import { formatConfig } from "@dibjs/core/block-device/command/state-files.js";
import { ConfigPlaces } from "@dibjs/core/block-device/config-places.js";
import { flattenConfig } from "@dibjs/core/block-device/graph.js";
import { parseBlockDeviceConfig } from "@dibjs/core/block-device/parse-config.js";
import { assembleGraph } from "@dibjs/core/block-device/plan-disk.js";
import { nodeTypes } from "../../support/toy-disk.js";
import { vector } from "../../support/vectors.js";
import type { VectorId } from "./sources.js";

function flatten(config: string) {
  const places = new ConfigPlaces("the vector");
  return { nodes: flattenConfig(parseBlockDeviceConfig(config, places), nodeTypes, places), places };
}

/** As DIB's graph form, which has no order. */
const graphOf = (config: string) =>
  new Set(formatConfig(flatten(config).nodes).map((entry) => JSON.stringify(sorted(entry))));

const sorted = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(sorted)
    : typeof value === "object" && value !== null
      ? Object.fromEntries(
          Object.entries(value)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([key, below]) => [key, sorted(below)]),
        )
      : value;

const orderOf = (config: string) => {
  const { nodes, places } = flatten(config);
  return assembleGraph(nodes, nodeTypes, places).ordered.map(({ name }) => name);
};

const simpleGraph = `
- mkfs: { name: root_fs, base: root_part, type: xfs }
- mount: { name: mount_root_fs, base: root_fs, mount_point: / }
`;
const simpleTree = `
- mkfs:
    name: root_fs
    base: root_part
    type: xfs
    mount: { mount_point: / }
`;
const disk = (partitions: string) => `
- local_loop: { name: image0 }
- partitioning:
    { base: image0, name: mbr, label: mbr, partitions: [${partitions}] }
`;
const deepGraph = `${disk("{ flags: [boot, primary], name: root, base: image0, size: 100% }")}
- mount: { base: mkfs_root, name: mount_mkfs_root, mount_point: / }
- fstab: { base: mount_mkfs_root, name: fstab_mount_mkfs_root, fsck-passno: 1, options: defaults }
- mkfs: { base: root, name: mkfs_root, type: ext4 }
`;
const fstab = "fstab: { options: defaults, fsck-passno: 1 }";
const deepTree = disk(
  `{ name: root, flags: [boot, primary], size: 100%, mkfs: { type: ext4, mount: { mount_point: /, ${fstab} } } }`,
);

/** Name, size, what its file system says, mount point. */
const four = [
  ["root", "54%", "type: xfs, uuid: 11111111-2222-3333-4444-555555555501", "/"],
  ["var", "40%", "type: xfs, uuid: 11111111-2222-3333-4444-555555555502", "/var"],
  ["var_log", "5%", "type: vfat, label: varlog", "/var/log"],
  ["swap", "1%", "type: swap, uuid: 11111111-2222-3333-4444-555555555503", "none"],
] as const;
const flagsOf = (name: string) => (name === "root" ? "flags: [boot, primary], " : "");
const manyTree = disk(
  four
    .map(
      ([name, size, mkfs, place]) =>
        `{ name: ${name}, ${flagsOf(name)}size: ${size}, mkfs: { ${mkfs}, mount: { mount_point: ${place}, ${fstab} } } }`,
    )
    .join(", "),
);
const manyGraph =
  disk(four.map(([name, size]) => `{ name: ${name}, base: image0, ${flagsOf(name)}size: ${size} }`).join(", ")) +
  four
    .map(
      ([name, , mkfs, place]) => `
- mkfs: { base: ${name}, name: mkfs_${name}, ${mkfs} }
- mount: { base: mkfs_${name}, name: mount_mkfs_${name}, mount_point: ${place} }
- fstab: { base: mount_mkfs_${name}, name: fstab_mount_mkfs_${name}, fsck-passno: 1, options: defaults }
`,
    )
    .join("");

const refused: readonly (readonly [VectorId, string, string])[] = [
  ["block-config/bad-plugin", "- no_such_type: { foo: bar }", "Config entry is not a plugin value: no_such_type"],
  [
    "block-config/multi-key-node",
    "- mkfs: { name: a, base: b, type: xfs }\n  mount: { name: c, base: a, mount_point: / }",
    "Config entry top-level should be a single dict:",
  ],
  [
    "block-config/bad-edge",
    deepGraph.replace("base: root,", "base: this_is_not_a_node,"),
    "Edge not defined: this_is_not_a_node",
  ],
  [
    "block-config/duplicate-name",
    deepGraph.replaceAll("image0", "this_is_a_duplicate").replace("name: mount_mkfs_root", "name: this_is_a_duplicate"),
    "Duplicate node name: this_is_a_duplicate",
  ],
];
for (const [id, config, message] of refused)
  vector(id, () => {
    expect(() => orderOf(config)).toThrow(
      expect.objectContaining({
        code: "BLOCK_DEVICE_CONFIG_INVALID",
        message: expect.stringContaining(message) as string,
      }) as Error,
    );
  });

const equal: readonly (readonly [VectorId, string, string])[] = [
  ["block-config/simple-tree", simpleTree, simpleGraph],
  ["block-config/deep-tree", deepTree, deepGraph],
  ["block-config/multiple-partitions-tree", manyTree, manyGraph],
];
for (const [id, tree, graph] of equal)
  vector(id, () => {
    expect(graphOf(tree)).toEqual(graphOf(graph));
    expect(graphOf(graph).size).toBe(graph.match(/^- /gm)?.length);
  });

vector("block-config/simple-graph", () => {
  expect(graphOf(simpleGraph)).toEqual(
    new Set([
      '{"mkfs":{"base":"root_part","name":"root_fs","type":"xfs"}}',
      '{"mount":{"base":"root_fs","mount_point":"/","name":"mount_root_fs"}}',
    ]),
  );
});

vector("block-config/deep-order", () => {
  expect(orderOf(deepGraph)).toEqual(["image0", "root", "mkfs_root", "mount_mkfs_root", "fstab_mount_mkfs_root"]);
});

vector("block-config/multiple-partitions-order", () => {
  const order = orderOf(manyGraph);
  expect(order.filter((name) => ["root", "var", "var_log"].includes(name))).toEqual(["root", "var", "var_log"]);
  for (const [name] of four) expect(order.indexOf(name)).toBeLessThan(order.indexOf(`mkfs_${name}`));
});
