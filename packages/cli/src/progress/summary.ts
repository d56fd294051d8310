import type { BuildReport } from "@dibjs/core";
import type { Colours } from "../terminal.js";
import { formatAge, formatSeconds, formatSize } from "./units.js";

const shownScripts = 3;

/** What a build made: the files with sizes, the time, and where the time went. */
export function formatSummary(
  report: BuildReport,
  reportFile: string,
  { green, bold, dim }: Colours,
): readonly string[] {
  const scripts = report.phases.flatMap(({ phase, scripts }) =>
    scripts.map(({ script, seconds }) => ({ name: `${phase}.d/${script}`, seconds })),
  );
  const slowest = scripts.sort((a, b) => b.seconds - a.seconds).slice(0, shownScripts);
  return [
    "",
    `${green("✓")} ${bold(report.image)} built in ${formatSeconds(report.seconds)}`,
    ...fileLines(report, reportFile),
    ...(slowest.length > 0
      ? [
          dim(
            `  ${"slowest".padEnd(9)} ${slowest.map(({ name, seconds }) => `${name} ${formatSeconds(seconds)}`).join(", ")}`,
          ),
        ]
      : []),
  ];
}

/** What is there already. */
export function formatUpToDate(
  report: BuildReport,
  reportFile: string,
  now: Date,
  { green, bold }: Colours,
): readonly string[] {
  const age = formatAge((now.getTime() - Date.parse(report.startedAt)) / 1000);
  const title = `${green("✓")} ${bold(report.image)} is up to date: built ${age} ago, and nothing has changed since`;
  return ["", title, ...fileLines(report, reportFile)];
}

const fileLines = ({ artifacts }: BuildReport, reportFile: string): string[] => [
  ...artifacts.map(({ path, sizeBytes, format }) => `  ${format.padEnd(9)} ${path}  ${formatSize(sizeBytes)}`),
  `  ${"report".padEnd(9)} ${reportFile}`,
];
