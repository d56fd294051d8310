/** Names of container images: `[registry[:port]/]path[:tag]`. */
import { basename } from "node:path";
import type { FormatCheck, FormatProblem } from "./format.js";

const part = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const registry = "[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]+)?";
const reference = new RegExp(`^(?:${registry}/)?${part}(?:/${part})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?$`);

/** `--docker-target`, with a tag; without it the name of the image as a reference may have it. */
export function imageReference(dockerTarget: string | undefined, output: string): string {
  const name = dockerTarget ?? asPart(basename(output));
  return /:[^/]+$/.test(name) ? name : `${name}:latest`;
}

const asPart = (name: string): string =>
  name
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter(Boolean)
    .join("-") || "image";

export function checkReference({ config: { dockerTarget } }: FormatCheck): readonly FormatProblem[] {
  if (dockerTarget === undefined || reference.test(dockerTarget)) return [];
  const reason = "that is no name of a container image.";
  const hint = "Write REPOSITORY:TAG, in small letters, for example registry.example.com/team/image:1.";
  return [{ setting: "dockerTarget", value: dockerTarget, reason, hint }];
}
