/** What a source-repository-NAME file says: each line "NAME TYPE DESTINATION LOCATION [REF]". */
import { BuildError, shownAddress } from "@dibjs/core";

type Env = Readonly<Record<string, string>>;
const types = ["git", "tar", "file", "package"] as const;

export interface SourceRepository {
  readonly name: string;
  readonly type: (typeof types)[number];
  /** Absolute inside the target. */
  readonly destination: string;
  readonly location: string;
  /** A git ref; for an archive the folder in it to take: `.` all of it, `*` the content of each folder. */
  readonly ref: string;
}

/** Lines of one file with the overrides of the environment; those whose install type is not `source` are left out. Throws ELEMENT_FILE_INVALID. */
export function parseSourceRepositories(
  { element, file, text }: { element: string; file: string; text: string },
  env: Env,
): SourceRepository[] {
  const lines = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
  return lines.flatMap((line) => {
    const [name = "", written = "", destination = "", location = "", ref = ""] = expandVariables(line, env).split(
      /\s+/,
    );
    const key = name.replace(/[^A-Za-z0-9]/g, "_");
    const type = env[`DIB_REPOTYPE_${key}`] ?? written;
    const repository = {
      name,
      type,
      destination,
      location: env[`DIB_REPOLOCATION_${key}`] ?? withGitBase(type, location, env),
      ref: env[`DIB_REPOREF_${key}`] ?? (ref === "" ? (type === "git" ? "master" : "*") : ref),
    };
    if (!isComplete(repository))
      throw new BuildError("ELEMENT_FILE_INVALID", {
        element,
        file,
        reason: `"${line.replace(/[a-z][a-z0-9+.-]*:\/\/\S+/gi, shownAddress)}" must read "NAME ${types.join("|")} /DESTINATION LOCATION [REF]"`,
      });
    const installType = env[`DIB_INSTALLTYPE_${key}`] ?? env.DIB_DEFAULT_INSTALLTYPE ?? "source";
    return installType === "source" && repository.type !== "package" ? [repository] : [];
  });
}

const isComplete = (repository: Omit<SourceRepository, "type"> & { type: string }): repository is SourceRepository =>
  repository.type === "package" ||
  (types.includes(repository.type as SourceRepository["type"]) &&
    repository.destination.startsWith("/") &&
    repository.location !== "");

/** `$NAME`, `${NAME}` and `${NAME:-default}`; nothing is executed. */
const expandVariables = (line: string, env: Env): string =>
  line.replace(
    /\$(?:(\w+)|\{(\w+)(?::-([^}]*))?\})/g,
    (_, bare: string | undefined, braced = "", fallback = "") => env[bare ?? String(braced)] || String(fallback),
  );

/** DIB_GITREPOBASE replaces scheme and host, and a home folder on it. */
const withGitBase = (type: string, location: string, env: Env): string =>
  type === "git" && env.DIB_GITREPOBASE
    ? location.replace(/^[^:]*:\/\/[^/]+(\/~[^/]+)?/, env.DIB_GITREPOBASE.replace(/\/$/, ""))
    : location;
