/** What is read as YAML: how much of it, and what is said when it is none. */
import { open } from "node:fs/promises";
import type { ErrorCode } from "yaml";

export const maxYamlBytes = 2 ** 20;

export const tooLarge = "it is larger than 1 MiB";

/** The text of a file or a pipe, read no further than it may be long: a device never ends. Throws an Error. */
export async function readYamlText(file: string): Promise<string> {
  const handle = await open(file);
  const chunks: Buffer[] = [];
  for await (const chunk of handle.createReadStream({ end: maxYamlBytes })) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  if (bytes.length > maxYamlBytes) throw new Error(tooLarge);
  return bytes.toString("utf8");
}

/** Of two problems `yaml` says what a programmer may do. */
export function reasonOfProblem({ code, message }: { readonly code: ErrorCode; readonly message: string }): string {
  if (code === "MULTIPLE_DOCS") return "it has more than one document";
  if (code === "RESOURCE_EXHAUSTION") return "it is nested too deeply";
  return message.split("\n")[0] ?? "";
}
