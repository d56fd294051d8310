import { BuildError } from "../errors.js";
import type { Exec } from "../process/exec.js";

export interface SignatureRequest {
  /** Absolute. */
  readonly file: string;
  /** Absolute: the detached signature. Undefined for a file that has its signature inside. */
  readonly signature?: string;
  /** What errors call the file. @default its path */
  readonly name?: string;
  /** Absolute: a binary keyring. Never the user's own. */
  readonly keyring: string;
  /** Full fingerprints of primary keys. @default those of all keys in the keyring */
  readonly trusted?: readonly string[];
}

/** A line of gpgv's status output: keyword, then its arguments (GnuPG's doc/DETAILS). */
interface Status {
  readonly keyword: string;
  readonly words: readonly string[];
}

/**
 * Returns the fingerprint of the trusted primary key that signed the file; one good signature is enough, a bad one
 * spoils all. Throws SIGNATURE_INVALID, SIGNATURE_KEY_EXPIRED and SIGNATURE_KEY_UNTRUSTED.
 */
export async function verifySignature(
  { file: path, signature, name: file = path, keyring, trusted }: SignatureRequest,
  exec: Exec,
): Promise<string> {
  const signed = signature === undefined ? [path] : [signature, path];
  const { exitCode, stdout, stderr } = await exec("gpgv", ["--status-fd", "1", "--keyring", keyring, ...signed]);
  const statuses = parseStatus(stdout);
  const wordsOf = (keyword: string) =>
    statuses.filter((status) => status.keyword === keyword).map(({ words }) => words);
  if (wordsOf("BADSIG").length > 0)
    throw new BuildError("SIGNATURE_INVALID", { file, reason: "the file is not what was signed" });

  const allowed = trusted?.map((fingerprint) => fingerprint.toUpperCase());
  const { good, expired } = signersOf(statuses);
  const signer = good.find((fingerprint) => allowed?.includes(fingerprint) ?? true);
  if (signer !== undefined) return signer;
  if (expired[0] !== undefined) throw new BuildError("SIGNATURE_KEY_EXPIRED", { file, fingerprint: expired[0] });
  const stranger =
    good[0] ??
    wordsOf("ERRSIG").map(([keyId, , , , , , fingerprint]) =>
      /^[0-9A-F]{40}/.test(fingerprint ?? "") ? fingerprint : keyId,
    )[0];
  if (stranger !== undefined)
    throw new BuildError("SIGNATURE_KEY_UNTRUSTED", { file, fingerprint: stranger, trusted: trusted ?? [] });
  throw new BuildError("SIGNATURE_INVALID", {
    file,
    reason: stderr.trim().split("\n").at(-1) || `gpgv exited with ${exitCode}`,
  });
}

/** Primary keys of the valid signatures, apart by whether the key has expired: the line before VALIDSIG says so. */
function signersOf(statuses: readonly Status[]): { good: string[]; expired: string[] } {
  const signers: Record<string, string[]> = { GOODSIG: [], EXPKEYSIG: [] };
  let verdict = "";
  for (const { keyword, words } of statuses) {
    if (/^[A-Z]+SIG$/.test(keyword) && keyword !== "VALIDSIG") verdict = keyword;
    // The tenth word is the primary key, when a subkey signed.
    if (keyword === "VALIDSIG") signers[verdict]?.push(words[9] ?? words[0] ?? "");
  }
  return { good: signers["GOODSIG"] ?? [], expired: signers["EXPKEYSIG"] ?? [] };
}

function parseStatus(text: string): Status[] {
  return text.split("\n").flatMap((line) => {
    const [marker, keyword, ...words] = line.trim().split(" ");
    return marker === "[GNUPG:]" && keyword !== undefined ? [{ keyword, words }] : [];
  });
}
