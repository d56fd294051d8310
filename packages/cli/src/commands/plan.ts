import {
  loadConfig,
  planDigest,
  planImage,
  phases,
  type BuildConfig,
  type BuildPlan,
  type NodeConfig,
  type PlannedElement,
  type PlannedVariable,
  type PreparedPlan,
} from "@dibjs/core";
import { toLoadRequest, type Given } from "../options.js";
import { warnOfCutOff } from "../packages/cut-off.js";
import { sanitise } from "../progress/sanitise.js";
import { formatSize } from "../progress/units.js";
import { formatTable, indent } from "../table.js";
import type { Colours, Terminal } from "../terminal.js";

/** Prints what a build would do. Touches nothing. */
export async function plan(terminal: Terminal, given: Given, elements: readonly string[]): Promise<number> {
  const { out, err } = terminal;
  await warnOfCutOff(terminal);
  const { images, notes } = await loadConfig(await toLoadRequest(elements, given));
  const planned: PreparedPlan[] = [];
  for (const image of images) planned.push(await planImage(image));
  // Not among the warnings of --json: they name places of this machine.
  const found = new Set(planned.flatMap((prepared) => prepared.notes));
  for (const note of found) err.write(`${err.colours.yellow("warning:")} ${sanitise(note)}\n`);
  if (given.json === true) {
    const { formatData } = await import("../envelope.js");
    out.write(formatData("plan", { images: planned.map(({ plan }) => ({ digest: planDigest(plan), plan })) }, notes));
    return 0;
  }
  for (const note of notes) err.write(`note: ${note}\n`);
  out.write(planned.map(({ config, plan }) => `${formatPlan(plan, config, out.colours).join("\n")}\n`).join("\n"));
  return 0;
}

/** Sections a person reads from top to bottom in the order of a build. */
export function formatPlan(
  plan: BuildPlan,
  config: Pick<BuildConfig, "origins">,
  { bold, dim }: Colours,
): readonly string[] {
  const section = (title: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : [bold(title), ...indent(lines), ""];
  return [
    `${bold(plan.image)}: ${plan.asked.join(" ")} for ${plan.arch}`,
    dim(`plan ${planDigest(plan)}`),
    "",
    ...section("Elements", formatTable(plan.elements.map((element) => elementRow(element, plan.asked)))),
    ...section("Environment", formatTable(plan.environment.map(variableRow))),
    ...section("environment.d, in the order it is read", plan.environmentFiles),
    ...section("Scripts", scriptLines(plan)),
    ...section("Disk", diskLines(plan)),
    ...section("Outputs", outputLines(plan, config)),
  ];
}

const elementRow = (
  { name, version, package: from, source, askedBy }: PlannedElement,
  asked: readonly string[],
): readonly string[] => [
  name,
  version,
  from ?? source,
  asked.includes(name)
    ? "asked for"
    : askedBy.length < 2
      ? "by default"
      : `because of ${askedBy.slice(0, -1).join(" → ")}`,
];

const variableRow = ({ name, value, origin }: PlannedVariable): readonly string[] => [
  `${name}=${value === undefined ? "***" : sanitise(value).replaceAll("\n", "⏎")}`,
  `from ${origin}`,
];

function scriptLines(plan: BuildPlan): readonly string[] {
  return plan.phases.flatMap(({ phase, scripts }) => {
    const packages =
      phase === "install" && plan.packages.length > 0 ? [`then packages ${plan.packages.join(" ")}`] : [];
    if (scripts.length === 0 && packages.length === 0) return [];
    const place = phases.find(({ name }) => name === phase)?.place === "chroot" ? "in the chroot" : "on the host";
    const rows = scripts.map(({ name, element, kind }) => [
      name,
      kind === "typescript" ? `${element} (TypeScript)` : element,
    ]);
    const network = plan.network.includes(phase) ? "" : ", without network";
    return [`${phase}, ${place}${network}`, ...indent([...formatTable(rows), ...packages])];
  });
}

function diskLines({ disk }: BuildPlan): readonly string[] {
  if (disk === undefined) return ["none: the outputs are made of the tree"];
  const size =
    disk.sizeBytes === undefined
      ? `computed from the content${disk.extraSizeBytes === undefined ? "" : ` and ${formatSize(disk.extraSizeBytes)}`}`
      : formatSize(disk.sizeBytes);
  return [
    `layout from ${disk.origin}`,
    `size ${size}, sectors of ${disk.sectorSizeBytes} bytes`,
    `root ${disk.rootFsType}, label ${disk.rootLabel}${disk.mkfsOptions === "" ? "" : `, mkfs ${disk.mkfsOptions}`}, journal ${disk.journalSizeMiB} MiB`,
    ...formatTable(disk.nodes.map((node) => [node.type, node.name, nodeText(node)])),
  ];
}

/** What a node stands on and is told, in one line. */
const nodeText = ({ base, values }: NodeConfig): string =>
  [
    ...(base === undefined ? [] : [`on ${base}`]),
    ...Object.entries(values).map(
      ([key, value]) => `${key}=${typeof value === "object" ? JSON.stringify(value) : String(value)}`,
    ),
  ].join(" ");

function outputLines(plan: BuildPlan, { origins }: Pick<BuildConfig, "origins">): readonly string[] {
  const rows =
    plan.result === "ramdisk"
      ? ["kernel", "initramfs"].map((part) => [part, `${plan.output}.${part}`, "of the elements"])
      : plan.outputs.map(({ format, extension, from }) => [format, `${plan.output}.${extension}`, `of the ${from}`]);
  const sums = plan.checksums.length === 0 ? [] : [`with ${plan.checksums.join(" and ")} files`];
  return [
    ...formatTable(rows),
    ...sums,
    `formats from ${origins.formats ?? "default"}, name from ${origins.output ?? "default"}`,
  ];
}
