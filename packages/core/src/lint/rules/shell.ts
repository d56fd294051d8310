/** dib-lint's rules for what bash reads. */
import { onCommands, onLines, unless, type FileRule } from "../rule.js";
import { isBash, isExecutable, isPython, shebangOf, type SourceFile } from "../source.js";

const isCode = ({ path, text }: SourceFile): boolean => text !== "" && !/\.(rst|yaml|py|md)$/.test(path);
const isBashScript = (file: SourceFile): boolean => isCode(file) && isBash(file);
const isEnvironment = (file: SourceFile): boolean => isCode(file) && /(^|\/)environment\.d\//.test(file.path);
const onHost = /(^|\/)(root|extra-data|block-device|finalise|cleanup)\.d\//;
const safeSudo = /dib-lint: safe_sudo|^#|install-packages|TARGET_ROOT|IMAGE_BLOCK_DEVICE|TMP_MOUNT_PATH|TMP_IMAGE_PATH/;

/** A line of `set` options in the file turns this on. */
const sets = (file: SourceFile, options: RegExp): boolean => file.lines.some((line) => options.test(line));

export const shellRules: readonly FileRule[] = [
  {
    name: "indent",
    in: "folder",
    appliesTo: (file) => isCode(file) && shebangOf(file) !== "" && !isPython(file),
    check: (file) =>
      onLines(file, (line) => /^( {4})* {1,3}[^ ]/.test(line), {
        message: "the indentation is not a multiple of four spaces",
      }),
  },
  {
    name: "bash-path",
    in: "folder",
    appliesTo: isBashScript,
    check: (file) =>
      unless(/^#!\/bin\/bash( |$)/.test(shebangOf(file)), {
        line: 1,
        message: `begins with ${shebangOf(file)}`,
        hint: "DIB's elements begin with #!/bin/bash.",
      }),
  },
  {
    name: "sete",
    appliesTo: isBashScript,
    check: (file) =>
      unless(sets(file, /^set -[^ ]*e/), { message: "does not stop at the first failure", hint: "set -e" }),
  },
  {
    name: "setu",
    appliesTo: isBashScript,
    check: (file) =>
      unless(sets(file, /^set -[^ ]*u/), { message: "takes a variable that is not set for empty", hint: "set -u" }),
  },
  {
    name: "setpipefail",
    appliesTo: isBashScript,
    check: (file) =>
      unless(sets(file, /^set -[^ ]*o pipefail/), {
        message: "does not see a failure inside a pipe",
        hint: "set -o pipefail",
      }),
  },
  {
    name: "dibdebugtrace",
    in: "folder",
    appliesTo: isBashScript,
    check: (file) =>
      unless(file.text.includes("DIB_DEBUG_TRACE"), {
        message: "does not trace when it is asked to",
        hint: 'if [ "${DIB_DEBUG_TRACE:-0}" -gt 0 ]; then set -x; fi',
      }),
  },
  {
    name: "environment-trace",
    appliesTo: isEnvironment,
    check: (file) =>
      onLines(file, (line) => line.includes("set -x"), { message: "an environment file does not turn tracing on" }),
  },
  {
    name: "environment-mode",
    appliesTo: isEnvironment,
    check: (file) =>
      unless(!isExecutable(file), {
        message: "an environment file is read, not run: it must not be executable",
        hint: `chmod -x ${file.path}`,
      }),
  },
  {
    name: "export",
    appliesTo: isCode,
    check: (file) =>
      onLines(file, (line) => /export .*\$\(/.test(line), {
        message: "export hides a failure of the command in $( )",
        hint: "Assign first, export on the next line.",
      }),
  },
  {
    name: "safe_sudo",
    appliesTo: (file) => isCode(file) && onHost.test(file.path),
    check: (file) =>
      onCommands(file, (command) => command.includes("sudo ") && !safeSudo.test(command), {
        message: "sudo on the host, and nothing in the line says that it works on the image",
        hint: "Name $TARGET_ROOT in it, or end it with # dib-lint: safe_sudo",
      }),
  },
  {
    name: "which",
    appliesTo: isCode,
    check: (file) =>
      onCommands(file, (command) => /^[^#]*which /.test(command) && !command.includes("dib-lint: which"), {
        message: "which is not on every system",
        hint: "command -v, or end the line with # dib-lint: which",
      }),
  },
];
