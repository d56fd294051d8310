import {
  forecastImage,
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
import { forecastRow } from "../forecast.js";
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
    out.write(formatData("plan", { images: await planData(planned, given.cache === true) }, notes));
    return 0;
  }
  for (const note of notes) err.write(`note: ${note}\n`);
  const texts: string[] = [];
  for (const prepared of planned) {
    const lines = formatPlan(prepared.plan, prepared.config, out.colours);
    texts.push(`${[...lines, ...(await cacheLines(prepared, out.colours))].join("\n")}\n`);
  }
  out.write(texts.join("\n"));
  return 0;
}

/** The plan is the same whatever has been built before: what is cached stands beside it, and only when asked for. */
async function planData(planned: readonly PreparedPlan[], withCache: boolean): Promise<readonly unknown[]> {
  const data: unknown[] = [];
  for (const prepared of planned) {
    const { plan } = prepared;
    const cache = withCache ? { cache: await forecastImage(prepared) } : {};
    data.push({ digest: planDigest(plan), plan, ...cache });
  }
  return data;
}

/** What would be taken from earlier builds. The store is root's, and so is the worker that looks. */
async function cacheLines(prepared: PreparedPlan, { bold }: Colours): Promise<readonly string[]> {
  if (process.getuid?.() !== 0 || prepared.places.layers === "none") return [];
  const now = new Date();
  const rows = (await forecastImage(prepared)).map((phase) => forecastRow(phase, now));
  return rows.length === 0 ? [] : [bold("Cache"), ...indent(formatTable(rows))];
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
