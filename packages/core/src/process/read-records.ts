import type { Exec, ExecOptions, ExecResult } from "./exec.js";

/**
 * Runs a program that ends each record of its output with a NUL, and hands them on as they come. Names of files are bytes: with
 * `latin1` each byte is one character. The result has the end of what it said on stderr, and no stdout.
 */
export async function readRecords(
  exec: Exec,
  [file, ...args]: readonly [string, ...string[]],
  look: (record: string) => void,
  { encoding = "latin1", signal }: { readonly encoding?: "latin1" | "utf8" } & Pick<ExecOptions, "signal"> = {},
): Promise<ExecResult> {
  let said = "";
  const result = await exec(file, args, {
    ...(signal === undefined ? {} : { signal }),
    async onOutput(stream, source) {
      source.setEncoding(stream === "stdout" ? encoding : "utf8");
      let rest = "";
      for await (const text of source) {
        if (stream === "stderr") said = (said + String(text)).slice(-2000);
        else {
          const records = (rest + String(text)).split("\0");
          rest = records.pop() ?? "";
          for (const record of records) look(record);
        }
      }
    },
  });
  return { ...result, stdout: "", stderr: said };
}
