/** Templates are the files of a package as they are to be, with {{words}} in them and __words__ in their names. */
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";

export interface TemplateValues {
  readonly element: string;
  readonly package: string;
  readonly description: string;
  readonly script: string;
  readonly VARIABLE: string;
  readonly license: string;
}

interface TemplateRequest {
  /** Folders of templates. */
  readonly layers: readonly string[];
  readonly license: string;
  readonly values: TemplateValues;
}

const templates = fileURLToPath(new URL("../templates/", import.meta.url));

/** Gives the paths that were written, sorted. */
export async function writeTemplates(folder: string, { layers, license, values }: TemplateRequest): Promise<string[]> {
  const written = await Promise.all(layers.map((layer) => writeLayer(folder, join(templates, layer), values)));
  if (license === "none") return written.flat().sort();
  const text = await readFile(join(templates, "licenses", license), "utf8");
  await writeFile(join(folder, "LICENSE"), fill(text, values));
  return [...written.flat(), "LICENSE"].sort();
}

async function writeLayer(folder: string, layer: string, values: TemplateValues): Promise<string[]> {
  const entries = await readdir(layer, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(
    files.map(async (file) => {
      const path = nameOf(file.slice(layer.length + 1), values);
      await writeTemplate(join(folder, path), await readFile(file, "utf8"), values);
      return path;
    }),
  );
}

/** npm packs no .gitignore, so the template is called _gitignore. */
const nameOf = (path: string, values: TemplateValues): string =>
  posix
    .join(posix.dirname(path), posix.basename(path).replace(/^_gitignore$/, ".gitignore"))
    .replace(/__(\w+?)__/g, (whole, word: string) => values[word as keyof TemplateValues] ?? whole);

async function writeTemplate(path: string, text: string, values: TemplateValues): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, fill(text, path.endsWith(".json") ? quoted(values) : values));
  if (text.startsWith("#!")) await chmod(path, 0o755); // a package manager may have lost it
}

const fill = (text: string, values: TemplateValues): string =>
  text.replace(/\{\{(\w+)\}\}/g, (whole, word: string) => values[word as keyof TemplateValues] ?? whole);

/** For inside of a JSON text. */
const quoted = (values: TemplateValues): TemplateValues =>
  Object.fromEntries(
    Object.entries(values).map(([word, value]) => [word, JSON.stringify(value).slice(1, -1)]),
  ) as never;
