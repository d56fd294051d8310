import { defineBlockNode, type DiskState, type NodeConfig } from "../node.js";
import { textOf } from "../written-text.js";

/** The crypttab line of an encrypted device. */
export const crypttab = defineBlockNode({
  name: "crypttab",
  check: checkCrypttab,
  async create({ node: { base = "", values }, state }) {
    const { options, "key-file": keyFile } = values;
    state.crypttab.set(base, { options: textOf(options) ?? "luks", keyFile: textOf(keyFile) ?? "none" });
    return true;
  },
});

function checkCrypttab({ name, base, values }: NodeConfig, graph: readonly NodeConfig[]): string[] {
  const isWord = (value: unknown) => !/[\s#\p{Cc}]/u.test(textOf(value) ?? "-") && textOf(value) !== "";
  const below = graph.find((node) => node.name === base);
  return [
    ...(base === undefined ? ["crypttab config needs [base]"] : []),
    ...(below === undefined || below.type === "luks" ? [] : [`crypttab ${name}: ${base} is no luks`]),
    ...(["options", "key-file"] as const)
      .filter((key) => !isWord(values[key]))
      .map((key) => `crypttab ${name}: ${key} ${JSON.stringify(values[key])} must be one word`),
  ];
}

interface CrypttabFacts extends Pick<DiskState, "crypttab"> {
  readonly blockdev: ReadonlyMap<string, { readonly luksUuid?: string | undefined }>;
}

/** Lines in the order in which devices were made; undefined when there is none. */
export function formatCrypttab({ blockdev, crypttab: lines }: CrypttabFacts): string | undefined {
  const written = [...blockdev].flatMap(([name, { luksUuid }]) => {
    const line = lines.get(name);
    return line === undefined || luksUuid === undefined
      ? []
      : [`${name} UUID=${luksUuid} ${line.keyFile} ${line.options}`];
  });
  return written.length === 0 ? undefined : `${written.join("\n")}\n`;
}
