import type { Found } from "../rule.js";
import type { SourceFile } from "../source.js";

/** Names that some file system takes for one. */
export function twins(files: readonly SourceFile[]): Found[] {
  const seen = new Map<string, string>();
  return files.flatMap(({ path }) => {
    const folded = path.normalize("NFC").toLowerCase();
    const other = seen.get(folded);
    seen.set(folded, path);
    return other === undefined
      ? []
      : [{ file: path, message: `differs from ${other} in case or Unicode form only`, hint: "Rename one of them." }];
  });
}
