// What a comparison found, for people and for programs: medians, ratios, and which bars hold.

/** `of`: what the figure of dibjs is divided by. Bars without it are absolute. */
const bars = [
  { case: "cold", of: { case: "cold", builder: "dib" }, most: 0.4 },
  { case: "cold", of: { case: "cold", builder: "byHand" }, most: 0.6 },
  ...["mkosi", "vmdb2", "debos"].map((builder) => ({ case: "cold", of: { case: "cold", builder }, most: 1 })),
  { case: "cold-tar", of: { case: "cold-tar", builder: "dib" }, most: 0.4 },
  { case: "cold-tgz", of: { case: "cold-tgz", builder: "dib" }, most: 0.25 },
  { case: "late-change", of: { case: "cold", builder: "dib" }, most: 0.05 },
  { case: "late-change", of: { case: "late-change", builder: "mkosi" }, most: 0.1 },
  { case: "no-change", most: 1, unit: "s" },
  { case: "resume", of: { case: "cold", builder: "dib" }, most: 0.1 },
  { case: "variants", of: { case: "cold", builder: "dibjs" }, most: 1.4 },
  { case: "cold", figure: "outputMB", of: { case: "cold", builder: "dib" }, most: 1 },
  { case: "cold", figure: "ownMemoryMB", most: 200, unit: "MB" },
];

const figures = ["seconds", "cpuSeconds", "peakMemoryMB", "writtenMB", "outputMB", "ownMemoryMB"];

export const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

export function formatResults({ machine, versions, runs, packages, failures, rounds }) {
  const counts = countsOf(packages);
  const cases = Object.entries(runs).map(([name, byBuilder]) => ({
    case: name,
    unit: "s",
    median: mapValues(byBuilder, (all) => round(median(all.map(({ seconds }) => seconds)))),
    runs: mapValues(byBuilder, (all) => all.map(({ seconds }) => round(seconds))),
    figures: mapValues(byBuilder, (all) => Object.fromEntries(figures.flatMap((figure) => medianOf(all, figure)))),
  }));
  const verdicts = bars.map((bar) => judge(bar, runs, counts));
  const json = { machine, versions, rounds, cases, packages: counts, bars: verdicts, failures };
  return {
    json: `${JSON.stringify(json, undefined, 2)}\n`,
    text: formatText({ machine, versions, cases, counts, verdicts, failures, rounds }),
  };
}

function medianOf(all, figure) {
  const known = all.map((run) => run[figure]).filter((value) => value !== undefined);
  return known.length === 0 ? [] : [[figure, round(median(known))]];
}

/** Whether a builder's image has the packages of diskimage-builder's; a row with others does not count. */
function countsOf(packages) {
  const wanted = packages.dib ?? [];
  return mapValues(packages, (names) => ({
    count: names.length,
    missing: wanted.filter((name) => !names.includes(name)),
    extra: names.filter((name) => !wanted.includes(name)),
  }));
}

function judge({ case: name, figure = "seconds", of, most, unit = "" }, runs, counts) {
  const own = valueOf(runs, { case: name, builder: "dibjs" }, figure);
  const other = of === undefined ? 1 : valueOf(runs, of, figure);
  const value = own === undefined || other === undefined ? undefined : round(own / other, 3);
  const builder = of?.builder;
  const differs = (which) =>
    counts[which] !== undefined && counts[which].missing.length + counts[which].extra.length > 0;
  const isFair = !differs("dibjs") && (builder === undefined || !differs(builder));
  const state = value === undefined ? "not measured" : value <= most ? "holds" : "missed";
  return { case: name, figure, of: of && `${of.case} of ${of.builder}`, most, unit, value, state, isFair };
}

function valueOf(runs, { case: name, builder }, figure) {
  const all = runs[name]?.[builder]?.map((run) => run[figure]).filter((value) => value !== undefined) ?? [];
  return all.length === 0 ? undefined : median(all);
}

function formatText({ machine, versions, cases, counts, verdicts, failures, rounds }) {
  const builders = [...new Set(cases.flatMap(({ median: all }) => Object.keys(all)))];
  const table = [
    ["case", ...builders],
    ["---", ...builders.map(() => "---:")],
    ...cases.map(({ case: name, median: all }) => [name, ...builders.map((builder) => all[builder] ?? "")]),
  ];
  const cold = cases.find(({ case: name }) => name === "cold");
  const details = [
    ["cold", "CPU s", "peak MB of processes", "written MB", "output MB", "packages"],
    ["---", "---:", "---:", "---:", "---:", "---"],
    ...Object.entries(cold?.figures ?? {}).map(([builder, of]) => [
      ...[builder, of.cpuSeconds ?? "", of.peakMemoryMB ?? "", of.writtenMB ?? "", of.outputMB ?? ""],
      describePackages(counts[builder]),
    ]),
  ];
  const judged = [
    ["bar", "wanted", "found", ""],
    ["---", "---:", "---:", "---"],
    ...verdicts.map(({ case: name, figure, of, most, unit, value, state, isFair }) => [
      `${name}${figure === "seconds" ? "" : `, ${figure}`}${of === undefined ? "" : ` / ${of}`}`,
      `≤ ${most} ${unit}`.trim(),
      value === undefined ? "" : `${value} ${unit}`.trim(),
      `${state}${isFair || value === undefined ? "" : ", with other packages: does not count"}`,
    ]),
  ];
  const lines = (rows) => rows.map((cells) => `| ${cells.join(" | ")} |`);
  return [
    "# Builds of one image",
    "",
    `Debian bookworm for a virtual machine, with the packages that diskimage-builder's image has. Seconds of wall clock, medians of ${rounds}`,
    `round${rounds === 1 ? "" : "s"}, the builders in turn, all packages from one cache on this machine. \`npm run bench\` makes this page.`,
    "",
    `Machine: ${machine.cores} processors (${machine.cpu}), ${machine.memoryGiB} GiB, Linux ${machine.kernel}.`,
    `Versions: ${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", ")}.`,
    "",
    ...lines(table),
    "",
    ...lines(details),
    "",
    "## Bars",
    "",
    ...lines(judged),
    ...(failures.length === 0
      ? []
      : [
          "",
          "## Failures",
          "",
          ...failures.map((each) => `- ${each.builder}, ${each.case}, round ${each.round}: ${each.reason}`),
        ]),
    "",
  ].join("\n");
}

function describePackages(counts) {
  if (counts === undefined) return "";
  const { count, missing, extra } = counts;
  if (missing.length + extra.length === 0) return `${count}, the same`;
  const some = (names) => names.slice(0, 4).join(" ") + (names.length > 4 ? " …" : "");
  return `${count}: ${missing.length} missing (${some(missing)}), ${extra.length} more (${some(extra)})`;
}

const mapValues = (map, change) => Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value)]));
const round = (value, digits = 2) =>
  value === undefined ? undefined : Math.round(value * 10 ** digits) / 10 ** digits;
