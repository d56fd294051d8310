import { BuildError } from "@dibjs/core";
import type { BuildEvent } from "@dibjs/core";
import { childEnvironment } from "../child-environment.js";
import { openForeground } from "../foreground.js";
import type { Given } from "../options.js";
import { listenForInterrupts } from "../signals.js";
import type { Sink, Terminal } from "../terminal.js";

export const blockDeviceCommands = ["init", "getval", "create", "umount", "cleanup", "delete", "writefstab"] as const;
type CommandName = (typeof blockDeviceCommands)[number];

/** What needs no device and changes nothing but its own files. */
const unprivileged: readonly CommandName[] = ["init", "getval"];

export interface BlockDeviceRequest {
  readonly command: CommandName;
  readonly symbol?: string | undefined;
  /** The parameters file; DIB_BLOCK_DEVICE_PARAMS_YAML without it. */
  readonly params: string | undefined;
}

/** `dib block-device COMMAND [SYMBOL]`. */
export async function blockDevice(
  terminal: Terminal,
  { params, json }: Given,
  args: readonly string[],
): Promise<number> {
  const request = parseRequest(args, typeof params === "string" ? params : undefined);
  // Raised, it is this whole command once more, with an envelope of its own.
  if (json !== true || needsRaising(request)) return runBlockDevice(terminal, request);
  const { formatData } = await import("../envelope.js");
  let value = "";
  const out: Sink = { ...terminal.out, write: (text) => void (value += text) };
  const code = await runBlockDevice({ ...terminal, out }, request);
  const data = request.command === "getval" ? { symbol: request.symbol, value: value.replace(/\n$/, "") } : {};
  terminal.out.write(formatData("block-device", { command: request.command, ...data }));
  return code;
}

const needsRaising = ({ command }: BlockDeviceRequest): boolean =>
  process.getuid?.() !== 0 && !unprivileged.includes(command);

/** Throws USAGE_INVALID. */
export function parseRequest([name, ...rest]: readonly string[], params: string | undefined): BlockDeviceRequest {
  const command = blockDeviceCommands.find((known) => known === name);
  const hint = `Commands: ${blockDeviceCommands.join(", ")}.`;
  if (command === undefined)
    throw new BuildError("USAGE_INVALID", {
      reason: name === undefined ? "A command is missing." : `There is no command ${JSON.stringify(name)}.`,
      hint,
    });
  const [symbol, ...more] = command === "getval" ? rest : [undefined, ...rest];
  if (command === "getval" && symbol === undefined)
    throw new BuildError("USAGE_INVALID", { reason: "getval needs a symbol.", hint: "See docs/block-device.md." });
  if (more.length > 0)
    throw new BuildError("USAGE_INVALID", { reason: `${command} takes no ${JSON.stringify(more[0])}.`, hint });
  return { command, symbol, params };
}

/** Runs one command to its end and gives its exit code. */
export async function runBlockDevice(terminal: Terminal, request: BlockDeviceRequest): Promise<number> {
  const params = request.params ?? process.env.DIB_BLOCK_DEVICE_PARAMS_YAML ?? "";
  if (params === "")
    throw new BuildError("USAGE_INVALID", {
      reason: "DIB_BLOCK_DEVICE_PARAMS_YAML or --params not set.",
      hint: "Name the parameters file with one of them.",
    });
  const core = await import("@dibjs/core");
  if (needsRaising(request))
    return await asRoot(
      request.command === "create" ? core.blockDeviceVariables(await core.readParameters(params)) : [],
    );
  using interrupts = listenForInterrupts((text) => terminal.err.write(`${text}\n`));
  const abort = new AbortController();
  interrupts.signal.addEventListener("abort", () =>
    abort.abort(
      new BuildError("BUILD_INTERRUPTED", { signal: String(interrupts.signal.reason), stage: request.command }),
    ),
  );
  const services = {
    exec: core.createExec(),
    emit: (event: BuildEvent) => tell(event, terminal),
    signal: abort.signal,
    sectorSizeBytes: sectorSize(process.env.DIB_BLOCK_SIZE),
    environment: process.env,
  };
  const parameters = await core.readParameters(params);
  switch (request.command) {
    case "init":
      await core.initBlockDevice(parameters);
      break;
    case "getval":
      terminal.out.write(`${core.getBlockDeviceValue(request.symbol ?? "", parameters)}\n`);
      break;
    case "create":
      await core.createBlockDevice(parameters, services);
      break;
    case "umount":
      if (!(await core.unmountBlockDevice(parameters, services)))
        terminal.err.write("Nothing was made, or all is cleaned up: nothing to do.\n");
      break;
    case "cleanup":
      await core.cleanUpBlockDevice(parameters, services);
      break;
    case "delete":
      await core.deleteBlockDevice(parameters, services);
      break;
    case "writefstab":
      await core.writeBlockDeviceFstab(parameters);
      break;
  }
  return 0;
}

/** DIB calls sudo for each program; here the whole command is raised, once, with the variables that it needs. Throws HOST_PRIVILEGE_MISSING. */
async function asRoot(variables: readonly string[]): Promise<number> {
  using foreground = openForeground();
  const args = [
    `--preserve-env=${["DIB_BLOCK_DEVICE_PARAMS_YAML", "DIB_BLOCK_SIZE", ...variables].join(",")}`,
    ...["--", process.execPath, ...process.argv.slice(1)],
  ];
  return await foreground.run("sudo", args, childEnvironment()).catch((error: unknown) => {
    // EACCES: a folder of PATH is closed to this user, and none of the others has it.
    if (!["ENOENT", "EACCES"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    const reason = "Block devices need root, and there is no sudo.";
    throw new BuildError("HOST_PRIVILEGE_MISSING", { reason, hint: "Run it as root, or install sudo." });
  });
}

function sectorSize(written: string | undefined): number | undefined {
  if (written === undefined || written === "") return undefined;
  if (["512", "4096"].includes(written)) return Number(written);
  throw new BuildError("USAGE_INVALID", {
    reason: `DIB_BLOCK_SIZE is ${written}, it must be 512 or 4096.`,
    hint: "Correct it, or leave it out.",
  });
}

function tell(event: BuildEvent, { err }: Terminal): void {
  if (event.type === "disk" && event.node !== undefined) err.write(`${event.doing}: ${event.node}\n`);
  if (event.type === "note") err.write(`${event.text}\n`);
  if (event.type === "mount") err.write(`mounted ${event.what} at ${event.target}\n`);
  if (event.type === "unmount") err.write(`unmounted ${event.target}\n`);
}
