// The table of differences from DIB, from docs/differences.yaml, which the conformance suite reads as well.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { z } from "zod";

const word = z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/);
const text = z.string().trim().min(3);

const difference = z
  .strictObject({
    id: word,
    where: text,
    dib: text,
    dibjs: text,
    fault: z.union([word.transform((one) => [one]), z.array(word).min(1)]).optional(),
    reason: text.optional(),
    vectors: z.array(z.string()).default([]),
  })
  .refine(({ fault, reason }) => fault ?? reason, { error: "needs `fault` or `reason`" });

const table = z.strictObject({
  differences: z.array(difference),
  faults: z.record(word, z.strictObject({ in: text, what: text })),
});

/** Checked: what is wrong in the file is thrown. */
export function readDifferences() {
  const { differences, faults } = table.parse(
    parse(readFileSync(fileURLToPath(new URL("../../docs/differences.yaml", import.meta.url)), "utf8")),
  );
  const ids = differences.map(({ id }) => id);
  const twice = ids.filter((id, index) => ids.indexOf(id) !== index);
  if (twice.length > 0) throw new Error(`docs/differences.yaml: more than one row is called ${twice.join(", ")}`);
  for (const { id, fault = [] } of differences)
    for (const name of fault)
      if (!(name in faults)) throw new Error(`docs/differences.yaml: ${id}: there is no fault called ${name}`);
  return { differences, faults };
}

/** `citedElsewhere`: names of faults that other pages link to. */
export function renderDifferences({ differences, faults }, citedElsewhere) {
  const rows = differences.map(
    ({ id, where, dib, dibjs, fault = [], reason }) =>
      `| ${[`<a id="${id}"></a>${where}`, dib, dibjs, [...(reason === undefined ? [] : [reason]), ...fault.map((name) => `[${name}](#${name})`)].join("; ")].map(cell).join(" | ")} |`,
  );
  const names = new Set([...citedElsewhere, ...differences.flatMap(({ fault = [] }) => fault)]);
  const cited = Object.entries(faults).filter(([name]) => names.has(name));
  return `# What dibjs does differently from DIB

<!-- Written by scripts/docs from docs/differences.yaml: npm run docs -->

Elements of DIB run as they are: phase order, names, variables and files that a script can see are the same. This table lists
where dibjs departs from diskimage-builder on purpose, most of it to correct a fault. It lists only what the code does today,
and the conformance suite holds both against it.

| where | diskimage-builder | dibjs | why |
| --- | --- | --- | --- |
${rows.join("\n")}

## The faults

Files lie below \`diskimage_builder/\` of its repository.

${cited.map(([name, { in: file, what }]) => `### ${name}\n\n${sentence(what)} In ${file}.`).join("\n\n")}
`;
}

const cell = (text) => text.replace(/\s+/g, " ").replaceAll("|", "\\|");
const sentence = (text) => `${/^[a-z]/.test(text) ? text[0].toUpperCase() + text.slice(1) : text}.`;
