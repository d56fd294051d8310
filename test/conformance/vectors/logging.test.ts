import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { libDir } from "../../support/shell-library.js";
import { tempFolder } from "../../support/temp-folder.js";
import { vector } from "../../support/vectors.js";

const program = `
import logging
from diskimage_builder import logging_config
logging_config.setup()
def from_here():
    for level in ["debug", "info", "warning", "error"]:
        getattr(logging.getLogger("probe"), level)("said " + level)
from_here()
`;

/** Runs it as a script does, and gives the lines of both outputs. */
async function log(env: Readonly<Record<string, string>>) {
  await using folder = await tempFolder();
  const file = join(folder.path, "program.py");
  writeFileSync(file, program);
  const { status, stdout, stderr } = spawnSync(join(libDir, "dib-python-exec"), [file], {
    env: { PATH: process.env["PATH"], ...env },
    encoding: "utf8",
  });
  const lines = (text: string) => text.replaceAll(file, "PROGRAM").split("\n").filter(Boolean);
  return { status, stdout: lines(stdout), stderr: lines(stderr) };
}

const more = ["INFO probe [-] said info", "WARNING probe [-] said warning", "ERROR probe [-] said error"];
const debug = "DEBUG probe [-] said debug from_here PROGRAM:7";

for (const id of ["logging/to-stderr", "logging/debug-place"] as const)
  vector(id, async () => {
    expect(await log({ DIB_DEBUG_TRACE: "1" })).toEqual({ status: 0, stdout: [], stderr: [debug, ...more] });
  });

for (const env of [{}, { DIB_DEBUG_TRACE: "0" }, { DIB_DEBUG_TRACE: "" }])
  vector(
    "logging/no-trace",
    async () => expect(await log(env)).toEqual({ status: 0, stdout: [], stderr: more }),
    JSON.stringify(env),
  );

vector("logging/config-file", async () => {
  await using folder = await tempFolder();
  const file = join(folder.path, "logging.json");
  const formatters = {
    own: {
      "()": "diskimage_builder.logging_config.DibFormatter",
      fmt: "own %(message)s",
      debug_suffix: " of %(funcName)s",
    },
  };
  const handlers = { out: { class: "logging.StreamHandler", formatter: "own", stream: "ext://sys.stdout" } };
  writeFileSync(
    file,
    JSON.stringify({ version: 1, formatters, handlers, root: { handlers: ["out"], level: "DEBUG" } }),
  );
  expect(await log({ DIB_PYTHON_LOGGING_CONFIG_FILE: file })).toEqual({
    status: 0,
    stdout: ["own said debug of from_here", "own said info", "own said warning", "own said error"],
    stderr: [],
  });
});
