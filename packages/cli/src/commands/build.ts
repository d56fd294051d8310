import { resolve } from "node:path";
import {
  buildImage,
  checkLock,
  loadConfig,
  planImage,
  type BuildConfig,
  type BuildEvent,
  type BuildReport,
} from "@dibjs/core";
import { checkBreaks } from "../break-shell.js";
import { toLoadRequest, type Given } from "../options.js";
import { warnOfCutOff } from "../packages/cut-off.js";
import { countJobs, runTogether } from "../jobs.js";
import { openScreen, type Progress } from "../progress/renderer.js";
import { formatSummary, formatUpToDate } from "../progress/summary.js";
import { showBuild } from "../shown-build.js";
import { listenForInterrupts } from "../signals.js";
import type { Terminal } from "../terminal.js";

/** Builds the images, several at a time where the machine can; after a failure no other begins. */
export async function build(terminal: Terminal, given: Given, elements: readonly string[]): Promise<number> {
  const progress = progressOf(given);
  if (progress !== "quiet") await warnOfCutOff(terminal);
  const { images, notes } = await loadConfig(await toLoadRequest(elements, given));
  checkBreaks(images, terminal);
  using interrupts = listenForInterrupts((text) => progress !== "quiet" && terminal.err.write(`${text}\n`));
  terminal.onClosed = () => interrupts.abort("SIGPIPE");
  if (progress === "auto" || progress === "tty" || progress === "plain")
    for (const note of notes) terminal.err.write(`note: ${note}\n`);

  const lock = given.locked === true ? "require" : "keep";
  if (lock === "require" && images.length > 1) for (const config of images) await checkLock(await planImage(config));
  const jobs = await countJobs(images, given.jobs as string | undefined);
  const spare = given.jobs === undefined && jobs > 1 ? jobs : 0;
  using screen = jobs > 1 ? await openScreen(progress, terminal) : undefined;
  const summaries: (() => void)[] = [];
  const reports = await runTogether(
    images,
    jobs,
    async (config, waits) => {
      const image = images.length > 1 ? config.image : undefined;
      const shown = { progress, image, screen, logFile: given.logfile as string | undefined, interrupts, terminal };
      let isMade = true;
      const report = await showBuild(config, shown, (of, options) => {
        const onEvent = (event: BuildEvent) => {
          if (event.type === "up-to-date") isMade = false;
          if (event.type === "note" && event.waits === true) waits();
          options.onEvent?.(event);
        };
        return buildImage(of, { ...options, lock, onEvent });
      });
      const tell = () => {
        if (progress !== "json" && progress !== "quiet") tellSummary(report, isMade, config, terminal);
      };
      if (screen === undefined) tell();
      else summaries.push(tell); // the screen is the builds' as long as one runs
      return report;
    },
    spare,
  ).finally(() => {
    screen?.[Symbol.dispose]();
    for (const tell of summaries) tell();
  });
  await tellResult(reports, notes, progress, terminal);
  return 0;
}

const progressOf = ({ json, quiet, progress }: Given): Progress =>
  json === true ? "json" : quiet === true ? "quiet" : ((progress as Progress | undefined) ?? "auto");

function tellSummary(report: BuildReport, isMade: boolean, { cwd, output }: BuildConfig, { err }: Terminal): void {
  const reportFile = `${resolve(cwd, output)}.report.json`;
  const lines = isMade
    ? formatSummary(report, reportFile, err.colours)
    : formatUpToDate(report, reportFile, new Date(), err.colours);
  err.write(`${lines.join("\n")}\n`);
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
