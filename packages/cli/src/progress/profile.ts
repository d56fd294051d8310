export interface ScriptTime {
  readonly script: string;
  readonly seconds: number;
}

/** What dib-run-parts prints after a phase: the seconds of each script, in bytewise order of names. */
export function formatProfile(target: string, times: readonly ScriptTime[]): readonly string[] {
  const row = (left: string, right: string, width: number) => `${left.padEnd(40)} ${right.padStart(width)}`;
  const byName = [...times].sort((a, b) => Buffer.compare(Buffer.from(a.script), Buffer.from(b.script)));
  return [
    "----------------------- PROFILING -----------------------",
    "",
    `Target: ${target}`,
    "",
    row("Script", "Seconds", 9),
    row("-".repeat(39), "-".repeat(10), 9),
    "",
    ...byName.map(({ script, seconds }) => row(script, seconds.toFixed(3), 10)),
    "",
    "--------------------- END PROFILING ---------------------",
  ];
}
