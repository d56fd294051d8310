/** What a registry signs: `name@version:integrity`, with keys that it publishes. Pure. */
import { createPublicKey, verify } from "node:crypto";

export interface RegistryKey {
  readonly keyid: string;
  /** DER, base64. */
  readonly key: string;
  /** ISO date; null when it is in use. */
  readonly expires: string | null;
}

export interface RegistrySignature {
  readonly keyid: string;
  /** Of ECDSA over P-256 with SHA-256, base64. */
  readonly sig: string;
}

export interface SignedRelease {
  readonly name: string;
  readonly version: string;
  /** As the lock file has it: what is installed. */
  readonly integrity: string;
  readonly published: string | undefined;
  readonly signatures: readonly RegistrySignature[];
}

/** Undefined when a signature holds; else why none does. */
export function signatureFlaw(release: SignedRelease, keys: readonly RegistryKey[]): string | undefined {
  const { name, version, integrity, published, signatures } = release;
  if (signatures.length === 0) return "the registry has no signature for it";
  const known = signatures.flatMap((signature) =>
    keys.filter(({ keyid }) => keyid === signature.keyid).map((key) => ({ key, signature })),
  );
  if (known.length === 0) return "it is signed with a key that the registry does not publish";
  const usable = known.filter(({ key }) => key.expires === null || isBefore(published, key.expires));
  if (usable.length === 0) return "it is signed with a key that had expired";
  const text = Buffer.from(`${name}@${version}:${integrity}`);
  const holds = usable.some(({ key, signature }) => isSigned(text, signature.sig, key.key));
  return holds ? undefined : "the signature is not one of this content";
}

const isBefore = (published: string | undefined, expires: string): boolean =>
  published !== undefined && Date.parse(published) < Date.parse(expires);

function isSigned(text: Buffer, signature: string, key: string): boolean {
  try {
    const publicKey = createPublicKey({ key: Buffer.from(key, "base64"), format: "der", type: "spki" });
    return verify("sha256", text, publicKey, Buffer.from(signature, "base64"));
  } catch {
    return false; // a key that can't be read signs nothing
  }
}
