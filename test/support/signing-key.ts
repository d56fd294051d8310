/** Throw-away OpenPGP keys, in a home of their own. Needs gpg. */
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createExec, mustRun } from "@dibjs/core/process/exec.js";

export interface SigningKey {
  readonly fingerprint: string;
  /** Absolute: its public half as a binary keyring. */
  readonly keyring: string;
  /** Writes a detached armoured signature of `file`. */
  sign(file: string, signature: string): Promise<void>;
  /** Writes the file with its signature inside, as InRelease has it. */
  signInline(file: string, signed: string): Promise<void>;
}

const exec = createExec();

// A key that lived for a year from then on, and signs then: its signatures were good once.
const longAgo = ["--faked-system-time", "20200301T000000!"];

/** The key in `home` (absolute), made if there is none. An expired one signs like any other; who checks it sees. */
export async function openSigningKey(home: string, validity: "valid" | "expired" = "valid"): Promise<SigningKey> {
  const clock = validity === "expired" ? longAgo : [];
  const gpg = (...args: string[]) =>
    mustRun(exec, "gpg", [
      "--homedir",
      home,
      "--batch",
      "--yes",
      "--quiet",
      "--pinentry-mode",
      "loopback",
      ...clock,
      ...args,
    ]);
  const keyring = join(home, "public.gpg");
  if (!existsSync(keyring)) {
    await mkdir(home, { recursive: true });
    await chmod(home, 0o700);
    const lifetime = validity === "expired" ? "1y" : "never";
    await gpg("--passphrase", "", "--quick-gen-key", `dibjs test ${validity}`, "ed25519", "sign", lifetime);
    await gpg("--output", keyring, "--export");
    await endAgent(home);
  }
  const listed = await gpg("--with-colons", "--list-keys");
  const fingerprint = /^fpr:+([0-9A-F]{40}):/m.exec(listed)?.[1] ?? "";
  const sign = async (...args: string[]) => {
    await gpg(...args);
    await endAgent(home);
  };
  return {
    fingerprint,
    keyring,
    sign: (file, signature) => sign("--armor", "--output", signature, "--detach-sign", file),
    signInline: (file, signed) => sign("--output", signed, "--clearsign", file),
  };
}

/** gpg leaves a daemon behind. */
const endAgent = (home: string) => mustRun(exec, "gpgconf", ["--homedir", home, "--kill", "all"]);

/** Changes one letter of a file, in the first line that starts with `line`: what was signed is no longer what is there. */
export async function tamper(file: string, content: string, line = ""): Promise<void> {
  const start = new RegExp(`^${line}.*?[a-z](?=[^a-z]*$)`, "m");
  const changed = content.replace(start, (found) => found.slice(0, -1) + (found.endsWith("x") ? "y" : "x"));
  if (changed === content) throw new Error(`nothing to change in ${file}`);
  await writeFile(file, changed);
}
