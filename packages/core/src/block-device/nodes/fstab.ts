import { defineBlockNode, type DiskState, type NodeConfig } from "../node.js";
import { textOf } from "../written-text.js";

/** The fstab line of a mount. */
export const fstab = defineBlockNode({
  name: "fstab",
  check: checkFstab,
  async create({ node: { name, base = "", values }, state }) {
    const { options, "dump-freq": dumpFreq, "fsck-passno": fsckPassno } = values;
    state.fstab.set(base, {
      name,
      base,
      options: textOf(options) ?? "defaults",
      dumpFreq: Number(dumpFreq ?? 0),
      fsckPassno: Number(fsckPassno ?? 2),
    });
    return true;
  },
});

function checkFstab({ name, base, values }: NodeConfig): string[] {
  const isCount = (value: unknown) => /^\d+$/.test(textOf(value) ?? "0");
  const { options, "dump-freq": dumpFreq, "fsck-passno": fsckPassno } = values;
  return [
    ...(base === undefined ? ["fstab config needs [base]"] : []),
    ...(/[\s#\p{Cc}]/u.test(textOf(options) ?? "")
      ? [`fstab ${name}: options ${JSON.stringify(options)} must be one word`]
      : []),
    ...(isCount(dumpFreq) && isCount(fsckPassno) ? [] : [`fstab ${name}: dump-freq and fsck-passno must be numbers`]),
  ];
}

/** Lines in mount order; mounts without an fstab node are left out. Undefined when there is no line at all. */
export function formatFstab({
  mount,
  mountOrder,
  filesys,
  fstab: lines,
}: Pick<DiskState, "mount" | "mountOrder" | "filesys" | "fstab">): string | undefined {
  const written = mountOrder.flatMap((mountPoint) => {
    const { name, base } = mount.get(mountPoint) ?? { name: "", base: "" };
    const [line, fileSystem] = [lines.get(name), filesys.get(base)];
    if (line === undefined || fileSystem === undefined) return [];
    const { label, fstype } = fileSystem;
    const rest = fstype === "swap" ? ["sw", 0, 0] : [line.options, line.dumpFreq, line.fsckPassno];
    return [[`LABEL=${escapeField(label)}`, escapeField(mountPoint), fstype, ...rest].join(" ")];
  });
  return written.length === 0 ? undefined : `${written.join("\n")}\n`;
}

/** fstab(5): white space, `#` and backslash in a field are written as octal. */
const escapeField = (field: string): string =>
  field.replace(/[\s\\#]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`);
