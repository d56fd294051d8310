import { expect, test } from "vitest";
import type { BuildReport } from "@dibjs/core";
import { formatSummary } from "@dibjs/cli/progress/summary.js";
import { coloursIf } from "@dibjs/cli/terminal.js";

const script = (name: string, seconds: number) => ({
  script: name,
  element: "a",
  kind: "shell" as const,
  seconds,
  outcome: "done" as const,
});

test("the summary names files, sizes, the report and the three slowest scripts", () => {
  const report = {
    image: "server",
    seconds: 75,
    phases: [
      { phase: "root", seconds: 9, scripts: [script("08-debootstrap", 8)] },
      { phase: "install", seconds: 9, scripts: [script("10-a", 1), script("20-b", 3), script("30-c", 2)] },
    ],
    artifacts: [{ format: "qcow2", path: "/out/server.qcow2", sizeBytes: 3 * 2 ** 20, digests: {}, sideFiles: [] }],
  } as unknown as BuildReport;
  const lines = formatSummary(report, "/out/server.report.json", coloursIf(false));
  expect(lines).toEqual([
    "",
    "✓ server built in 1 min 15 s",
    "  qcow2     /out/server.qcow2  3.0 MiB",
    "  report    /out/server.report.json",
    "  slowest   root.d/08-debootstrap 8.0 s, install.d/20-b 3.0 s, install.d/30-c 2.0 s",
  ]);
});
