/** An encrypted device (LUKS2). Its passphrase is named in the config, and read when the device is made. */
import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { isAbsolute } from "node:path";
import { isSecretName } from "../../config/variables.js";
import { BuildError, reasonOf } from "../../errors.js";
import { deviceMapperEnv, mappedNames } from "../../workspace/mapped-devices.js";
import { mappedDevice, nameTaken, volumeDevice } from "../device-mapper.js";
import { splitWords } from "../file-system.js";
import { guid } from "../partition-table.js";
import { problemOfSecret, readBytes, secretText } from "../../plan/disk-secret.js";
import { defineBlockNode, defineLoan, type NodeConfig, type NodeRequest, type SecretPlace } from "../node.js";
import { refusedVolumeWords } from "../volume-options.js";
import { isOwn, leaveAlone } from "../own-devices.js";
import { textOf } from "../written-text.js";
import { blockDeviceOf } from "./block-device-of.js";
import { runForNode } from "./run-for-node.js";

export const luks = defineBlockNode({
  name: "luks",
  check: checkLuks,
  hostCommands: () => [
    { command: "cryptsetup", debian: "cryptsetup-bin", fedora: "cryptsetup", opensuse: "cryptsetup" },
    { command: "dmsetup", debian: "dmsetup", fedora: "device-mapper", opensuse: "device-mapper" },
    { command: "blockdev", debian: "util-linux", fedora: "util-linux", opensuse: "util-linux" },
  ],
  secrets: ({ values }) => [passphrasePlace(values.passphrase)].filter((place) => place !== undefined),
  async create(request) {
    const { node, state } = request;
    const { device } = blockDeviceOf(node.base, "encrypting", request);
    const passphrase = await readPassphrase(request);
    await claimName(node);
    const uuid = textOf(node.values.uuid) ?? randomUUID();
    const run = (command: readonly [string, ...string[]], input: string) =>
      runForNode(request, `cryptsetup ${command[1]}`, command, { env: deviceMapperEnv, input });
    await run(formatCommand(node, uuid, device), passphrase);
    request.borrow(encryptedDevice, { name: node.name }); // before it is there: one that is interrupted may leave it
    await run(["cryptsetup", "open", "--type", "luks2", "--key-file", "-", device, node.name], passphrase);
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

function passphrasePlace(written: unknown): SecretPlace | undefined {
  if (typeof written !== "object" || written === null) return undefined;
  const entries: [string, unknown][] = Object.entries(written);
  const [[key, value] = ["", undefined]] = entries;
  if (entries.length !== 1 || typeof value !== "string") return undefined;
  return key === "variable" ? { variable: value } : key === "file" ? { file: value } : undefined;
}

/** Throws BLOCK_DEVICE_SECRET_UNUSABLE. The front has looked, but not as root, and some time ago. */
async function readPassphrase({ node, secrets }: NodeRequest): Promise<string> {
  const place = passphrasePlace(node.values.passphrase);
  if (place === undefined) throw new Error(`luks ${node.name} was not checked`);
  const from = "variable" in place ? place.variable : place.file;
  const unusable = (reason: string) =>
    new BuildError("BLOCK_DEVICE_SECRET_UNUSABLE", { node: node.name, from, reason });
  const text = "variable" in place ? secrets[place.variable] : await readSecretFile(place.file, unusable);
  const problem = problemOfSecret(text);
  if (text === undefined || problem !== undefined) throw unusable(problem ?? "");
  return secretText(text);
}

async function readSecretFile(path: string, unusable: (reason: string) => BuildError): Promise<string> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if (!(await file.stat()).isFile()) throw unusable("it is no regular file");
    const { buffer, bytesRead } = await file.read(Buffer.alloc(readBytes), 0, readBytes, 0);
    return buffer.toString("utf8", 0, bytesRead);
  } catch (error) {
    throw error instanceof BuildError ? error : unusable(reasonOf(error));
  }
}

async function claimName({ name }: NodeConfig): Promise<void> {
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

function checkLuks({ name, base, values }: NodeConfig, graph: readonly NodeConfig[]): string[] {
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
    ...volumesCalled(name, graph).map((lv) => `luks name ${name} is what the volume ${lv} is called in /dev/mapper`),
    ...checkPassphrase(name, values.passphrase),
    ...word("label", label, /^[^\p{Cc}"'\s-][^\p{Cc}"'\s]{0,46}$/u),
    ...word("cipher", cipher, /^[a-z0-9]+(-[a-z0-9]+)*(:[a-z0-9]+)?$/),
    ...word("pbkdf", pbkdf, /^(argon2id?|pbkdf2)$/),
    ...word("uuid", uuid, guid),
    ...refusedVolumeWords("luks", splitWords(options)).map(
      (option) => `luks ${name}: the option ${JSON.stringify(option)} can't be used`,
    ),
  ];
}

const volumesCalled = (name: string, graph: readonly NodeConfig[]): readonly string[] =>
  graph
    .filter(({ values }) => values.role === "lv")
    .filter((lv) => volumeDevice(lv.base ?? "", lv.name) === mappedDevice(name))
    .map((lv) => `${lv.base}/${lv.name}`);

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
