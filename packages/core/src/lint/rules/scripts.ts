/** Whether what is meant to run would run. */
import { isEnvironmentFileName, isPackageList, isScriptName } from "../../phases/order.js";
import { phaseNames } from "../../phases/table.js";
import { unless, type FileRule } from "../rule.js";
import { isExecutable, shebangOf, type SourceFile } from "../source.js";

const inPhase = ({ inElement }: SourceFile): boolean => {
  const [folder = "", , ...below] = inElement.split("/");
  return below.length === 0 && phaseNames.some((name) => folder === `${name}.d`);
};
const inEnvironment = ({ inElement }: SourceFile): boolean => /^environment\.d\/[^/]+$/.test(inElement);
const nameOf = ({ inElement }: SourceFile): string => inElement.slice(inElement.lastIndexOf("/") + 1);
const isProgram = (file: SourceFile): boolean => shebangOf(file) !== "" && !inEnvironment(file);

export const scriptRules: readonly FileRule[] = [
  {
    name: "executable",
    appliesTo: (file) => isProgram(file) && !/\.(rst|yaml|py|md)$/.test(file.path),
    check: (file) =>
      unless(isExecutable(file), {
        message: "begins with #! and is not executable",
        hint: `Make it executable: chmod +x.`,
      }),
  },
  {
    name: "shebang",
    appliesTo: (file) => inPhase(file) && isExecutable(file),
    check: (file) =>
      unless(/^#!\s*\/\S+/.test(shebangOf(file)) || file.text === "", {
        line: 1,
        message: "a script of a phase does not say what runs it",
        hint: "Begin it with #!/usr/bin/env bash",
      }),
  },
  {
    name: "script-name",
    appliesTo: (file) => inPhase(file) && isExecutable(file) && !isPackageList(nameOf(file)),
    check: (file) =>
      unless(isScriptName(nameOf(file)), {
        message: "would never run: names of scripts have letters, digits, _ and - only",
        hint: "Rename it, for example to 50-NAME.",
      }),
  },
  {
    name: "environment-name",
    appliesTo: inEnvironment,
    check: (file) =>
      unless(isEnvironmentFileName(nameOf(file)), {
        message: "would never be read: names of environment files have letters, digits, _ - and . only",
      }),
  },
  {
    name: "line-ends",
    appliesTo: (file) => file.text !== "" && (isProgram(file) || inEnvironment(file)),
    check: (file) =>
      unless(!file.text.includes("\r\n"), {
        line: file.lines.findIndex((line) => line.endsWith("\r")) + 1,
        message: "has lines that end in CR LF, which no shell understands",
        hint: "Save it with LF.",
      }),
  },
];
