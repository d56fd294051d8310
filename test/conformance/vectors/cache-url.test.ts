import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { root } from "../../house/source.js";
import { fakePrograms } from "../../support/run-script.js";
import { tempFolder } from "../../support/temp-folder.js";
import { vector } from "../../support/vectors.js";
import type { VectorId } from "./sources.js";

const program = join(root, "packages/element-base/elements/cache-url/bin/cache-url");

/** A curl that notes its arguments, writes `body` where it was told to, and answers with `code`, or ends with `exits`. */
const curl = (body: string, code: string, exits = 0) => `printf '%s\\n' "$@" > "$ARGUMENTS"
while [ $# -gt 0 ]; do if [ "$1" = --output ] || [ "$1" = -o ]; then printf '${body}' > "$2"; fi; shift; done
printf '${code}'; exit ${exits}`;

interface Row {
  readonly id: VectorId;
  readonly more: string;
  readonly curl: string;
  readonly args?: readonly string[];
  readonly url?: string;
  /** What is in the cache before, last changed on 2001-01-01. */
  readonly old?: string;
  readonly status: number;
  /** What is in the cache after it, and when that was changed. */
  readonly holds: string | undefined;
  readonly isTouched?: boolean;
  /** An argument that curl gets, or does not. */
  readonly asks?: RegExp;
  readonly doesNotAsk?: RegExp;
}

const rows: readonly Row[] = [
  { id: "cache-url/creates", more: "200", curl: curl("new", "200"), status: 0, holds: "new" },
  {
    id: "cache-url/creates",
    more: "a file:// address, of which curl says 000",
    curl: curl("new", "000"),
    url: "file:///there",
    status: 0,
    holds: "new",
  },
  {
    id: "cache-url/not-modified",
    more: "304",
    curl: curl("", "304"),
    old: "old",
    status: 0,
    holds: "old",
    isTouched: false,
  },
  {
    id: "cache-url/not-modified",
    more: "213, of an FTP server",
    curl: curl("", "213"),
    old: "old",
    status: 0,
    holds: "old",
    isTouched: false,
  },
  {
    id: "cache-url/not-modified",
    more: "200 without a body, for a conditional request",
    curl: curl("", "200"),
    old: "old",
    status: 0,
    holds: "old",
    isTouched: false,
  },
  { id: "cache-url/exit-codes", more: "404", curl: curl("x", "404"), status: 44, holds: undefined },
  { id: "cache-url/exit-codes", more: "500", curl: curl("x", "500"), old: "old", status: 1, holds: "old" },
  { id: "cache-url/exit-codes", more: "curl ends with 7", curl: curl("", "000", 7), status: 7, holds: undefined },
  {
    id: "cache-url/conditional",
    more: "an old copy",
    curl: curl("new", "200"),
    old: "old",
    status: 0,
    holds: "new",
    asks: /^(-z|--time-cond)$/m,
  },
  {
    id: "cache-url/conditional",
    more: "none yet",
    curl: curl("new", "200"),
    status: 0,
    holds: "new",
    doesNotAsk: /^(-z|--time-cond)$/m,
  },
  {
    id: "cache-url/conditional",
    more: "-f",
    curl: curl("new", "200"),
    args: ["-f"],
    old: "old",
    status: 0,
    holds: "new",
    asks: /no-cache, must-revalidate/,
    doesNotAsk: /^(-z|--time-cond)$/m,
  },
];

const longAgo = new Date("2001-01-01");

for (const row of rows)
  vector(
    row.id,
    async () => {
      await using temp = await tempFolder();
      const cache = join(temp.path, "cache");
      const file = join(cache, "file");
      const bin = fakePrograms(join(temp.path, "bin"), { curl: row.curl });
      if (row.old !== undefined) {
        fakePrograms(cache, {});
        writeFileSync(file, row.old);
        utimesSync(file, longAgo, longAgo);
      }
      const noted = join(temp.path, "arguments");
      const { status } = spawnSync("bash", [program, ...(row.args ?? []), row.url ?? "http://server.test/file", file], {
        env: { PATH: `${bin}:${process.env["PATH"]}`, ARGUMENTS: noted },
      });
      expect(status).toBe(row.status);
      expect(existsSync(file) ? readFileSync(file, "utf8") : undefined).toBe(row.holds);
      expect(readdirSync(cache)).toEqual(row.holds === undefined ? [] : ["file"]);
      if (row.isTouched === false) expect(statSync(file).mtime).toEqual(longAgo);
      const asked = readFileSync(noted, "utf8");
      if (row.asks !== undefined) expect(asked).toMatch(row.asks);
      if (row.doesNotAsk !== undefined) expect(asked).not.toMatch(row.doesNotAsk);
    },
    row.more,
  );
