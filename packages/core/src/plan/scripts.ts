import { basename, dirname, join } from "node:path/posix";
import type { Element, ElementFile } from "../elements/element.js";
import { isInPhaseFolder } from "../elements/files.js";
import { BuildError } from "../errors.js";
import { isPackageList, isScriptName } from "../phases/order.js";

interface Script extends ElementFile {
  readonly element: string;
  readonly name: string;
}

/** Files directly in phase folders. */
const scriptsOf = (elements: readonly Element[]): Script[] =>
  elements.flatMap(({ name: element, files }) =>
    files.flatMap((file) =>
      file.opening === undefined ? [] : [{ ...file, element, name: file.path.slice(file.path.indexOf("/") + 1) }],
    ),
  );

/** PLAN_SCRIPT_INVALID for each script that the kernel would refuse to start. */
export function checkScripts(elements: readonly Element[]): BuildError[] {
  return scriptsOf(elements).flatMap(({ element, path, name, executable, opening }) => {
    if (!executable || !isScriptName(name)) return [];
    const wrong = (reason: string, hint: string) => [
      new BuildError("PLAN_SCRIPT_INVALID", { element, script: path, reason, hint }),
    ];
    if (opening === "script-crlf")
      return wrong(
        "its lines end in CR LF, so that its interpreter is not found.",
        `Convert it: sed -i 's/\\r$//' ${path}`,
      );
    if (opening === "empty") return wrong("it is empty.", "Remove it, or begin it with #!/bin/bash.");
    if (opening === "other")
      return wrong(
        "it does not begin with #! and is no program.",
        "Begin it with #!/bin/bash, or take its executable bit away.",
      );
    return [];
  });
}

/** PLAN_SCRIPT_INVALID for each link in a phase folder that leads to nothing, in its element and in the merged hooks. */
export function checkLinks(elements: readonly Element[]): BuildError[] {
  const there = new Set(
    elements.flatMap(({ files }) => files.filter(({ kind }) => kind === "file").map(({ path }) => path)),
  );
  return elements.flatMap(({ name: element, files }) =>
    files.flatMap(({ path, kind, opening, linkTarget = "" }) => {
      if (kind !== "link" || opening !== undefined || !isInPhaseFolder(path) || !isScriptName(basename(path)))
        return [];
      const target = join(dirname(path), linkTarget);
      if (there.has(target) || [...there].some((file) => file.startsWith(`${target}/`))) return [];
      const reason = `it is a link to ${linkTarget}, and there is no such file.`;
      return [
        new BuildError("PLAN_SCRIPT_INVALID", {
          element,
          script: path,
          reason,
          hint: "Add the file, or remove the link.",
        }),
      ];
    }),
  );
}

/** What DIB passes over without a word, as sentences: scripts that will not run. */
export function scriptNotes(elements: readonly Element[]): string[] {
  return scriptsOf(elements).flatMap(({ element, path, name, executable }) => {
    if (executable && !isScriptName(name))
      return [`${element}: ${path} does not run: its name has more than letters, digits, _ and -.`];
    if (!executable && isScriptName(name) && !isPackageList(name))
      return [`${element}: ${path} does not run: it is not executable.`];
    return [];
  });
}
