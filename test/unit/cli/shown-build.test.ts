import { rmSync } from "node:fs";
import { join } from "node:path";
import { BuildError, type BuildConfig } from "@dibjs/core";
import { showBuild } from "@dibjs/cli/shown-build.js";
import { listenForInterrupts } from "@dibjs/cli/signals.js";
import { expect, test } from "vitest";
import { tempFolder } from "../../support/temp-folder.js";
import { memoryTerminal } from "./memory-terminal.js";

test("a failure is told also when its log was removed meanwhile", async () => {
  await using temp = await tempFolder();
  using interrupts = listenForInterrupts(() => {});
  const logFile = join(temp.path, "build.log");
  const config = { cwd: temp.path, caller: { uid: process.getuid?.(), gid: process.getgid?.() } } as BuildConfig;
  const { terminal } = memoryTerminal();
  const shown = showBuild(config, { logFile, interrupts, terminal, progress: "quiet", image: undefined }, async () => {
    rmSync(logFile);
    throw new BuildError("WORKER_DIED", { how: "SIGKILL", phase: "install" });
  });
  await expect(shown).rejects.toMatchObject({ code: "WORKER_DIED" });
});
