/** What a package manager's last words mean. They differ by program and version, so a few words of each are looked for. */
import { BuildError, type ExecResult } from "@dibjs/core";
import { sanitise } from "../progress/sanitise.js";
import { parseConflict } from "./eresolve.js";

export interface FailedRun {
  /** As a person would type it. */
  readonly command: string;
  readonly packages: readonly string[];
  readonly result: ExecResult;
  readonly hint?: string | undefined;
}

interface Said {
  readonly package: string;
  /** The line that says it. */
  readonly reason: string;
  readonly text: string;
}

const causes: readonly (readonly [words: RegExp, toError: (said: Said) => BuildError])[] = [
  [
    /EINTEGRITY|TARBALL_INTEGRITY|[Ii]ntegrity check(sum)? (failed|error)|checksum.*(mismatch|doesn't match)/,
    (said) => new BuildError("PACKAGE_INTEGRITY_WRONG", said),
  ],
  [/ERESOLVE/, conflict],
  [
    /\bETARGET\b|NO_MATCHING_VERSION|Couldn't find any versions|No candidates found|No match(ing version)? found/,
    ({ package: name, text }) =>
      new BuildError("PACKAGE_VERSION_MISSING", { package: nameIn(text) ?? name, range: rangeIn(text) }),
  ],
  [
    /\bE404\b|FETCH_404|404 Not Found|"?Not found"?\.$|Package not found/m,
    ({ package: name, text }) =>
      new BuildError("PACKAGE_NOT_FOUND", {
        package: name,
        tried: [nameIn404(text) ?? name],
        registry: registryIn(text),
      }),
  ],
  [/\bE40[13]\b|ENEEDAUTH|FETCH_40[13]|YN0041/, (said) => new BuildError("REGISTRY_REFUSED", said)],
  [
    // A member's of the workspace, say; registries' answers are other codes.
    /EJSONPARSE|(SyntaxError: |while parsing .* in )\S*package\.json/,
    ({ text }) =>
      new BuildError("CONFIG_UNREADABLE", {
        place: { file: /\/\S*package\.json/.exec(text)?.[0] ?? "package.json" },
        reason: /^.* in JSON at .*$/m.exec(text)?.[0].trim() ?? "it is not valid JSON",
      }),
  ],
  [
    /invalid[- ]json|Unexpected token|Unexpected end of JSON|not valid JSON|TAR_BAD_ARCHIVE|Z_(DATA|BUF)_ERROR|BAD_TARBALL|incorrect header check|zlib|Invalid tar|tar archive/i,
    (said) => new BuildError("REGISTRY_ANSWER_INVALID", said),
  ],
  [
    /ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|E(SOCKET)?TIMEDOUT|ERR_SOCKET_TIMEOUT|timeout|socket hang up|META_FETCH_FAIL|\bE5\d\d\b|FETCH_5\d\d|\b50[0234]\b|ECONNABORTED|network/i,
    (said) => new BuildError("REGISTRY_UNREACHABLE", said),
  ],
];

/** The error with the code that fits; MANAGER_FAILED when nothing is recognised. */
export function failureOfManager({ command, packages, result, hint }: FailedRun): BuildError {
  const text = sanitise(`${result.stderr}\n${result.stdout}`);
  const lines = text.split("\n").map(tidy).filter(isTelling);
  for (const [words, toError] of causes) {
    const line = lines.find((each) => words.test(each));
    if (line !== undefined) return toError({ package: packages.join(", "), reason: line, text });
  }
  const how = result.signal === undefined ? `exited with ${result.exitCode}` : `was killed by ${result.signal}`;
  return new BuildError("MANAGER_FAILED", {
    command,
    package: packages.join(", ") || "the project",
    how,
    tail: lines.slice(-10).join("\n"),
    hint,
  });
}

const tidy = (line: string): string =>
  line
    .replace(/^(npm (error|ERR!)( code)?|error| ?ERR_PNPM_\w+(?= {2})|➤ YN\d+:)\s*/, (mark) =>
      mark.includes("PNPM") ? `${mark.trim()} ` : "",
    )
    .trim();

/** Warnings are not why it failed. */
const isTelling = (line: string): boolean =>
  line !== "" && !/^(npm )?(warn|WARN|warning)\b/.test(line) && !/complete log of this run/.test(line);

function conflict({ package: name, reason, text }: Said): BuildError {
  const found = parseConflict(text);
  if (found === undefined)
    return new BuildError("PACKAGE_CONFLICT", { package: name, askers: [{ by: [reason], range: "?" }] });
  return conflictError(found);
}

/** With the command that moves all askers to where they may agree. */
export function conflictError(found: NonNullable<ReturnType<typeof parseConflict>>): BuildError {
  const askers = found.askers.flatMap(({ by }) => by.at(-1) ?? []).filter((each) => each !== "this project");
  const names = [...new Set(askers.map((each) => each.slice(0, each.lastIndexOf("@"))))];
  const command = names.length === 0 ? undefined : `dib add ${names.map((each) => `${each}@latest`).join(" ")}`;
  return new BuildError("PACKAGE_CONFLICT", { ...found, command });
}

const nameIn = (text: string): string | undefined =>
  /No matching version found for (@?[^@\s]+)@/.exec(text)?.[1] ?? /versions for "(@?[^"]+)"/.exec(text)?.[1];

const rangeIn = (text: string): string =>
  /No match(?:ing version)? found for (?:version )?@?[^@\s]*@?([^\s.]+(?:\.[^\s.]+)*)/.exec(text)?.[1] ??
  /that matches "([^"]+)"/.exec(text)?.[1] ??
  "asked for";

const urlIn404 = (text: string): URL | undefined => {
  const url = /(https?:\/\/[^\s:"]+(?::\d+)?[^\s:"]*)/.exec(text)?.[1];
  return url !== undefined && URL.canParse(url) ? new URL(url) : undefined;
};

const nameIn404 = (text: string): string | undefined => {
  const path = urlIn404(text)?.pathname.slice(1);
  const name = path === undefined ? undefined : decodeURIComponent(path).split("/-/")[0];
  return name === undefined || name === "" ? undefined : /(@[^/]+\/)?[^/]+$/.exec(name)?.[0];
};

const registryIn = (text: string): string => urlIn404(text)?.origin ?? "the registry";
