// The table of the released diskimage-builder's elements: what is asked of each (test/conformance/released-elements) and what
// came of it (docs/released-elements.yaml, which that program writes).
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { z } from "zod";
import { readDifferences } from "./differences.mjs";

const at = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const text = z.string().min(3);

const request = z
  .strictObject({
    with: z.array(text).default([]),
    env: z.record(z.string(), z.string()).default({}),
    options: z.array(z.string()).default([]),
    files: z.record(z.string(), z.string()).default({}),
    fails: text.optional(),
    differs: z.array(text).default([]),
    "left-out": text.optional(),
  })
  .refine((row) => row["left-out"] === undefined || row.fails === undefined, {
    error: "is either built or left out",
  });

const result = z.strictObject({
  result: z.enum(["passed", "fails in both", "fails in DIB alone", "fails"]),
  /** Versions, and what was asked. */
  of: text,
  seconds: z.strictObject({ dib: z.number(), dibjs: z.number() }),
  /** Files, folders and links of the tree. */
  entries: z.int().optional(),
  /** How many of them differ, by the row of docs/differences.yaml that says why. */
  differ: z.record(z.string(), z.int()).default({}),
  /** The script where each ended. */
  "ended-in": z.strictObject({ dib: z.string().optional(), dibjs: z.string().optional() }).optional(),
  /** What nothing explains. */
  unexplained: z.array(z.string()).default([]),
});

export const readRequests = () =>
  z
    .record(z.string(), request)
    .parse(parse(readFileSync(at("test/conformance/released-elements/requests.yaml"), "utf8")));

export const readResults = () =>
  z.record(z.string(), result).parse(parse(readFileSync(at("docs/released-elements.yaml"), "utf8")) ?? {});

/** What the page says of why elements fail: names of faults, or text. */
export const reasonsOf = (requests) => Object.values(requests).flatMap(({ fails }) => fails ?? []);

export function renderReleasedElements(requests, results) {
  const built = Object.entries(requests).filter(([, row]) => row["left-out"] === undefined);
  const count = (kind) => built.filter(([name]) => results[name]?.result === kind).length;
  const toDo = built.filter(([name]) => !(name in results));
  const { differences, faults } = readDifferences();
  const shown = new Set([...differences.map(({ id }) => id), ...Object.keys(faults)]);
  const why = (reason) => (shown.has(reason) ? `[${reason}](differences.md#${reason})` : reason);
  const told = {
    passed: ({ entries, differ }) => {
      const sum = Object.values(differ).reduce((total, number) => total + number, 0);
      return `passed: ${entries} entries${sum > 0 ? `, ${sum} of them differ: ${Object.keys(differ).map(why).join(", ")}` : ""}`;
    },
    "fails in both": ({ "ended-in": { dib } = {} }) =>
      `fails in the same way in DIB itself${dib === undefined ? ", before its first script" : `, in \`${dib}\``}`,
    "fails in DIB alone": ({ "ended-in": { dib } = {} }) =>
      `passed here; fails in DIB${dib === undefined ? ", before its first script" : `, in \`${dib}\``}`,
    fails: () => "**fails here**",
  };
  const rows = Object.entries(requests).map(([name, row]) => {
    if (row["left-out"] !== undefined) return `| ${name} | | not built: ${row["left-out"]} |`;
    const asked = [...row.with, ...Object.keys(row.env), ...row.options].map((word) => `\`${word}\``).join(" ");
    const found = results[name];
    if (found === undefined) return `| ${name} | ${asked} | not built yet |`;
    const reason = row.fails === undefined || found.result === "passed" ? "" : `: ${why(row.fails)}`;
    return `| ${name} | ${asked} | ${told[found.result](found)}${reason} |`;
  });
  return `# Elements of the released diskimage-builder

<!-- Written by scripts/docs from docs/released-elements.yaml: npm run docs -->

Every element of Debian's \`python3-diskimage-builder\` that a Debian mirror is enough for, built twice: by diskimage-builder
itself and by our \`disk-image-create\`, with diskimage-builder's own folder of elements first:
\`disk-image-create -n -a amd64 -t tar debian-minimal ELEMENT\`. The two trees are compared entry by entry: kind, mode, owner,
content. What may differ is in [the table of differences](differences.md), or comes out otherwise in every build (logs, dates,
caches). \`npm run released-elements\` builds what has no result yet; the last lines of those that fail lie in
\`test/conformance/released-elements/logs\`.

- ${count("passed")} passed
- ${count("fails in both")} fail in the same way in diskimage-builder itself
- ${count("fails in DIB alone")} pass here and fail in diskimage-builder
- ${count("fails")} fail here
- ${toDo.length} not built yet
- ${Object.keys(requests).length - built.length} not built: for another distribution or machine, or in need of more than a Debian mirror

| element | with | result |
| --- | --- | --- |
${rows.join("\n")}
`;
}
