/**
 * Who signed the suites of a bootstrap. The bootstrapper checks this too; but it says so in words of its version, and
 * debootstrap takes a key that has expired.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { verifySignature, type Env, type PhaseRun } from "@dibjs/core";
import type { AptSuite } from "./apt-suites.js";

/** A step. Throws SIGNATURE_…; what it knows no binary keyring for is left to the bootstrapper. */
export async function verifySuites(suites: readonly AptSuite[], run: PhaseRun): Promise<void> {
  if (/--no-check-gpg\b/.test(run.env["DIB_DEBOOTSTRAP_EXTRA_ARGS"] ?? "")) return run.log("not asked for");
  for (const { url, options, inRelease } of suites) {
    const keyring = keyringOf(options, run.env);
    if (inRelease === undefined || keyring === undefined || !(await isBinary(keyring))) continue;
    const file = join(run.workspace.scratchDir, "InRelease");
    await writeFile(file, inRelease);
    run.log(`${url} is signed by ${await verifySignature({ file, name: url, keyring }, run.exec)}`);
  }
}

/** As root.d/08-debootstrap has it; undefined for a suite that apt takes as it is, or that names keys in another way. */
export function keyringOf(options: string, env: Env): string | undefined {
  const option = (name: string) => new RegExp(`(?:^|\\s)${name}=(\\S+)`).exec(options)?.[1];
  if (option("trusted") === "yes") return undefined;
  const signedBy = option("signed-by");
  if (signedBy !== undefined) return /^\/[^,]+$/.test(signedBy) ? signedBy : undefined;
  const given = env["DIB_APT_KEYRING"] || env["DIB_DEBIAN_KEYRING"];
  return given || `/usr/share/keyrings/${env["DISTRO_NAME"]}-archive-keyring.gpg`;
}

/** gpgv reads no armoured keys. A keyring that can't be read is told by the bootstrap. */
const isBinary = (keyring: string): Promise<boolean> =>
  readFile(keyring).then(
    (bytes) => bytes.length > 0 && bytes[0] !== "-".charCodeAt(0),
    () => false,
  );
