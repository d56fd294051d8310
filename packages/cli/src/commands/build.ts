import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { buildImage, loadConfig, type BuildConfig, type BuildReport } from "@dibjs/core";
import { checkBreaks, runBreakShell } from "../break-shell.js";
import { chooseLogFile } from "../build-log-file.js";
import { rememberLogFile } from "../failure.js";
import { toLoadRequest, type Given } from "../options.js";
import { openRenderer, type Progress } from "../progress/renderer.js";
import { formatSummary } from "../progress/summary.js";
import { listenForInterrupts, type Interrupts } from "../signals.js";
import type { Terminal } from "../terminal.js";

/** Builds one image after the other; the first failure ends it. */
export async function build(terminal: Terminal, given: Given, elements: readonly string[]): Promise<number> {
  const progress = progressOf(given);
  const { images, notes } = await loadConfig(await toLoadRequest(elements, given));
  checkBreaks(images, terminal);
  using interrupts = listenForInterrupts((text) => progress !== "quiet" && terminal.err.write(`${text}\n`));
  terminal.onClosed = () => interrupts.abort("SIGPIPE");
  if (progress === "auto" || progress === "tty" || progress === "plain")
    for (const note of notes) terminal.err.write(`note: ${note}\n`);

  const reports: BuildReport[] = [];
  for (const config of images) {
    const image = images.length > 1 ? config.image : undefined;
    reports.push(
      await buildOne(config, { progress, image, logFile: given.logfile as string | undefined, interrupts, terminal }),
    );
  }
  await tellResult(reports, notes, progress, terminal);
  return 0;
}

const progressOf = ({ json, quiet, progress }: Given): Progress =>
  json === true ? "json" : quiet === true ? "quiet" : ((progress as Progress | undefined) ?? "auto");

interface OneBuild {
  readonly progress: Progress;
  readonly image: string | undefined;
  readonly logFile: string | undefined;
  readonly interrupts: Interrupts;
  readonly terminal: Terminal;
}

async function buildOne(
  config: BuildConfig,
  { progress, image, logFile: asked, interrupts, terminal }: OneBuild,
): Promise<BuildReport> {
  const logFile = await chooseLogFile(config, asked);
  using renderer = await openRenderer({ progress, image }, terminal);
  try {
    const report = await buildImage(config, {
      signal: interrupts.signal,
      logFile,
      onEvent: (event) => renderer.onEvent(event),
      async onBreak(request) {
        renderer.suspend();
        await runBreakShell(request, terminal, interrupts.signal);
        renderer.resume();
      },
    });
    renderer.suspend();
    const reportFile = `${resolve(config.cwd, config.output)}.report.json`;
    if (progress !== "json" && progress !== "quiet")
      terminal.err.write(`${formatSummary(report, reportFile, terminal.err.colours).join("\n")}\n`);
    return report;
  } catch (error) {
    const { size } = await stat(logFile);
    throw size > 0 ? rememberLogFile(error, logFile) : error; // it may have failed before any script ran
  }
}

/** The images' paths for whoever reads standard output; on a terminal the summary has said them. */
async function tellResult(
  reports: readonly BuildReport[],
  notes: readonly string[],
  progress: Progress,
  { out }: Terminal,
): Promise<void> {
  if (progress === "json") {
    const { formatData } = await import("../envelope.js");
    out.write(formatData("build", { reports }, notes));
    return;
  }
  if (out.isTTY && progress !== "quiet") return;
  for (const { artifacts } of reports) for (const { path } of artifacts) out.write(`${path}\n`);
}
