/** `dib-block-device [--params FILE] COMMAND [SYMBOL]` with DIB's exit codes: 2 for what it can't be asked, 1 for a failure. */
import { parseArgs } from "node:util";
import { blockDeviceCommands, parseRequest, runBlockDevice } from "../commands/block-device.js";
import { formatFailure } from "../failure.js";
import { startCommand } from "../start.js";
import { openTerminal } from "../terminal.js";

const usage = `usage: dib-block-device [-h] [--params PARAMS] {${blockDeviceCommands.join(",")}} [SYMBOL]

--params PARAMS  YAML file with the parameters; without it DIB_BLOCK_DEVICE_PARAMS_YAML names it
`;

await startCommand("drop-in/dib-block-device.js", async (args) => {
  const terminal = openTerminal();
  const fail = (error: unknown, code: number) => {
    terminal.err.write(formatFailure(error, { colours: terminal.err.colours, debug: false }));
    return code;
  };
  let request;
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { params: { type: "string" }, help: { type: "boolean", short: "h" } },
      allowPositionals: true,
    });
    if (values.help === true) {
      terminal.out.write(usage);
      return 0;
    }
    request = parseRequest(positionals, values.params);
    if ((request.params ?? process.env.DIB_BLOCK_DEVICE_PARAMS_YAML ?? "") === "")
      throw new Error("DIB_BLOCK_DEVICE_PARAMS_YAML or --params not set");
  } catch (error) {
    terminal.err.write(`${usage}dib-block-device: error: ${error instanceof Error ? error.message : String(error)}\n`);
    return 2;
  }
  try {
    return await runBlockDevice(terminal, request);
  } catch (error) {
    return fail(error, 1);
  }
});
