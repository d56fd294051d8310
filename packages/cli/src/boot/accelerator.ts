/** Whether KVM runs guests here: asked of a machine of a few instructions, since /dev/kvm may be there and boot nothing. */
import { constants } from "node:fs";
import { access, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { escapePath, guestArch, qemuProgram, startQemu } from "./qemu.js";

export type Accelerator = "kvm" | "tcg";

const probeMs = 4000;
const programMissing = "exit code 127"; // setpriv's, as a shell's
const word = "dib-kvm-works";

/** Of this boot of the host: a verdict that not every later boot has to wait for. */
const verdictFile = (): string | undefined => {
  const folder = process.env.XDG_RUNTIME_DIR || (process.getuid?.() === 0 ? "/run" : undefined);
  return folder === undefined ? undefined : join(folder, "dib-kvm.json");
};

async function remember(works: boolean): Promise<void> {
  const file = verdictFile();
  if (file !== undefined) await writeFile(file, `${JSON.stringify({ works })}\n`).catch(() => {}); // only a memory
}

/** What to boot with, first choice first. KVM only when it has run a guest, and then with something to fall back on. */
export async function chooseAccelerators(
  asked: Accelerator | "auto",
  arch: string,
): Promise<readonly [Accelerator, ...Accelerator[]]> {
  if (asked !== "auto") return [asked];
  return arch === guestArch() && (await kvmWorks()) ? ["kvm", "tcg"] : ["tcg"];
}

/** An image that KVM could not start came up without it: no later boot tries again. */
export const distrustKvm = (): Promise<void> => remember(false);

/** The processor that a guest gets. KVM's probe has to ask for the same one: some hosts refuse only that. */
export const processorFor = (accelerator: Accelerator): string => (accelerator === "kvm" ? "host" : "max");

export async function kvmWorks(): Promise<boolean> {
  const isThere = await access("/dev/kvm", constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
  // The probe is x86 code; elsewhere a /dev/kvm that opens is taken at its word.
  if (!isThere || guestArch() !== "amd64") return isThere;
  const known = await recall();
  if (known !== undefined) return known;
  const works = await runsGuest();
  if (works !== undefined) await remember(works);
  return works ?? false;
}

/** A machine that was too busy to answer in time may have been one for a moment: after an hour it is asked again. */
const distrustMs = 60 * 60 * 1000;

async function recall(): Promise<boolean | undefined> {
  const file = verdictFile();
  if (file === undefined) return undefined;
  const text = await readFile(file, "utf8").catch(() => "");
  if (text.includes('"works":true')) return true;
  const found = await stat(file).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs < distrustMs ? false : undefined;
}

/** A boot sector that writes a word to the first serial port and halts. */
export function probeSector(): Buffer {
  const sector = Buffer.alloc(512);
  const out = [...Buffer.from(`${word}\n`)].flatMap((byte) => [0xb0, byte, 0xee]); // mov al, byte; out dx, al
  sector.set([0xba, 0xf8, 0x03, ...out, 0xfa, 0xf4, 0xeb, 0xfd]); // mov dx, 0x3f8; …; cli; hlt; jmp back
  sector.set([0x55, 0xaa], 510);
  return sector;
}

/** Undefined when there is no QEMU to ask. */
async function runsGuest(): Promise<boolean | undefined> {
  const folder = await mkdtemp(join(tmpdir(), "dib-kvm-"));
  try {
    const disk = join(folder, "disk");
    await writeFile(disk, probeSector());
    const qemu = startQemu([
      qemuProgram("amd64"),
      "-accel",
      "kvm",
      "-cpu",
      processorFor("kvm"),
      "-m",
      "64",
      "-nic",
      "none",
      "-drive",
      `file=${escapePath(disk)},format=raw,if=ide`,
      "-serial",
      "stdio",
    ]);
    let text = "";
    return await new Promise<boolean | undefined>((resolve) => {
      const timer = setTimeout(() => resolve(false), probeMs);
      qemu.child.stdout?.on("data", (chunk: Buffer) => {
        text += chunk.toString("latin1");
        if (text.includes(word)) resolve(true);
      });
      void qemu.ended.then((how) => resolve(how === programMissing ? undefined : false));
      void qemu.ended.finally(() => clearTimeout(timer));
    }).finally(() => qemu.kill());
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
