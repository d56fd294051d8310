/** An encrypted device (LUKS2). Its passphrase is named in the config, and read when the device is made. */
import { randomUUID } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { isAbsolute } from "node:path";
import { isSecretName } from "../../config/variables.js";
import { BuildError, reasonOf } from "../../errors.js";
import { deviceMapperEnv, mappedNames } from "../../workspace/mapped-devices.js";
import { mappedDevice, nameTaken, reserveName } from "../device-mapper.js";
import { splitWords } from "../file-system.js";
import { defineBlockNode, defineLoan, type NodeConfig, type NodeRequest } from "../node.js";
import { isOwn, leaveAlone } from "../own-devices.js";
import { textOf } from "../written-text.js";
import { runForNode } from "./run-for-node.js";

export const luks = defineBlockNode({
  name: "luks",
  check: checkLuks,
  hostCommands: () => [
    { command: "cryptsetup", debian: "cryptsetup-bin", fedora: "cryptsetup", opensuse: "cryptsetup" },
  ],
  async create(request) {
    const { node, state } = request;
    const device = state.blockdev.get(node.base ?? "")?.device;
    if (device === undefined) throw failed(node, `${node.base} is no block device`);
    const passphrase = await readPassphrase(request);
    await claimName(request);
    const uuid = textOf(node.values.uuid) ?? randomUUID();
    const run = (command: readonly [string, ...string[]], input: string) =>
      runForNode(request, `cryptsetup ${command[1]}`, command, { env: deviceMapperEnv, input });
    await run(formatCommand(node, uuid, device), passphrase);
    await run(["cryptsetup", "open", "--type", "luks2", "--key-file", "-", device, node.name], passphrase);
    request.borrow(encryptedDevice, { name: node.name });
    const mapped = mappedDevice(node.name);
    const measured = await runForNode(request, `measuring ${mapped}`, ["blockdev", "--getsize64", mapped]);
    state.blockdev.set(node.name, { device: mapped, offsetBytes: 0, sizeBytes: Number(measured), luksUuid: uuid });
    return true;
  },
});

export function formatCommand({ name, values }: NodeConfig, uuid: string, device: string): [string, ...string[]] {
  const { label, cipher, pbkdf, options } = values;
  const written = (option: string, value: unknown) => (value === undefined ? [] : [option, textOf(value) ?? ""]);
  return [
    ...(["cryptsetup", "luksFormat", "--type", "luks2", "--batch-mode"] as const),
    ...["--uuid", uuid, "--label", textOf(label) ?? name],
    ...[...written("--cipher", cipher), ...written("--pbkdf", pbkdf), ...splitWords(options)],
    ...["--key-file", "-", device],
  ];
}

/** One of them: what is written in the config would be in plans and logs. */
type PassphrasePlace = { readonly variable: string } | { readonly file: string };

function passphrasePlace(written: unknown): PassphrasePlace | undefined {
  if (typeof written !== "object" || written === null) return undefined;
  const entries: [string, unknown][] = Object.entries(written);
  const [[key, value] = ["", undefined]] = entries;
  if (entries.length !== 1 || typeof value !== "string") return undefined;
  return key === "variable" ? { variable: value } : key === "file" ? { file: value } : undefined;
}

const mostBytes = 512; // what cryptsetup takes when a person types it

/** Without the line's end of a file: nobody can type that at boot. Throws BLOCK_DEVICE_NODE_FAILED. */
async function readPassphrase({ node, secrets }: NodeRequest): Promise<string> {
  const place = passphrasePlace(node.values.passphrase);
  const [text, from] =
    place === undefined
      ? ["", "passphrase"]
      : "variable" in place
        ? [secrets[place.variable] ?? "", place.variable]
        : [await readSmallFile(place.file, node), place.file];
  const passphrase = text.replace(/\r?\n$/, "");
  if (passphrase === "") throw failed(node, `there is no passphrase in ${from}`);
  if (Buffer.byteLength(passphrase) > mostBytes)
    throw failed(node, `the passphrase in ${from} is longer than 512 bytes`);
  return passphrase;
}

async function readSmallFile(file: string, node: NodeConfig): Promise<string> {
  try {
    const info = await stat(file);
    return info.isFile() && info.size <= mostBytes * 2 ? await readFile(file, "utf8") : "";
  } catch (cause) {
    throw failed(node, reasonOf(cause));
  }
}

const failed = (node: NodeConfig, reason: string) =>
  new BuildError("BLOCK_DEVICE_NODE_FAILED", { node: node.name, doing: "encrypting", reason });

async function claimName(request: NodeRequest): Promise<void> {
  const { name } = request.node;
  await reserveName(name, request);
  if ((await mappedNames()).includes(name)) throw nameTaken(name, name, `the device ${name}`);
}

export const encryptedDevice = defineLoan<{ name: string }>({
  name: "luks",
  label: ({ name }) => `encrypted device ${name}`,
  async release({ name }, services) {
    const { exec } = services;
    const deadline = Date.now() + 5_000;
    while ((await mappedNames()).includes(name)) {
      if (!(await isOwn(mappedDevice(name), services))) return leaveAlone(`encrypted device ${name}`, services);
      const { stderr } = await exec("cryptsetup", ["close", name], { env: deviceMapperEnv });
      if (!(await mappedNames()).includes(name)) return;
      if (Date.now() > deadline) throw new Error(stderr.trim() || "it is still there");
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  },
});

function checkLuks({ name, base, values }: NodeConfig): string[] {
  const { label, cipher, pbkdf, uuid, options } = values;
  const word = (key: string, value: unknown, form: RegExp) =>
    value === undefined || form.test(textOf(value) ?? "")
      ? []
      : [`luks ${name}: ${key} ${JSON.stringify(value)} can't be used`];
  return [
    ...(base === undefined ? ["luks config needs [base]"] : []),
    ...(/^(?!-|control$|\.{1,2}$)[A-Za-z0-9_.+-]{1,100}$/.test(name)
      ? []
      : [`luks name ${JSON.stringify(name)} must be usable as a device name`]),
    ...checkPassphrase(name, values.passphrase),
    ...word("label", label, /^[^\p{Cc}"'\s-][^\p{Cc}"'\s]{0,46}$/u),
    ...word("cipher", cipher, /^[a-z0-9]+(-[a-z0-9]+)*(:[a-z0-9]+)?$/),
    ...word("pbkdf", pbkdf, /^(argon2id?|pbkdf2)$/),
    ...word("uuid", uuid, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i),
    ...splitWords(options)
      .filter(
        (option) => !/^--(iter-time|pbkdf-[a-z-]+|key-size|hash|sector-size|integrity)(=|$)|^[a-z0-9]+$/.test(option),
      )
      .map((option) => `luks ${name}: the option ${JSON.stringify(option)} can't be used`),
  ];
}

/** Values are not shown: it may be the passphrase itself. */
function checkPassphrase(name: string, written: unknown): string[] {
  const place = passphrasePlace(written);
  if (place === undefined)
    return [`luks ${name}: passphrase must be { variable: NAME } or { file: PATH }, and never the passphrase itself`];
  if ("file" in place)
    return isAbsolute(place.file) ? [] : [`luks ${name}: the passphrase file ${place.file} must be an absolute path`];
  return isSecretName(place.variable)
    ? []
    : [`luks ${name}: the variable ${place.variable} would be in the plan: use one with PASSPHRASE in its name`];
}
