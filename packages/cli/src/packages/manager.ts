/** The package managers that dib knows: what each is told for what dib does. Scripts of packages are off in all of it. */
export interface Manager {
  readonly name: "npm" | "pnpm" | "yarn" | "yarn 2+";
  readonly program: "npm" | "pnpm" | "yarn";
  readonly add: (specs: readonly string[]) => readonly string[];
  readonly remove: (names: readonly string[]) => readonly string[];
  /** Within the ranges that are asked for. */
  readonly update: (names: readonly string[]) => readonly string[];
  /** Runs the lifecycle scripts of this one package; undefined when the manager can't. */
  readonly runScripts: ((name: string, version: string) => readonly string[]) | undefined;
  /** Options that name the registry of a scope; undefined when it has none. */
  readonly scopeOption: ((scope: string, registry: string) => string) | undefined;
}

const scopeOption = (scope: string, registry: string) => `--${scope}:registry=${registry}`;

export const managers: Readonly<Record<Manager["name"], Manager>> = {
  npm: {
    name: "npm",
    program: "npm",
    add: (specs) => ["install", "--ignore-scripts", "--no-audit", "--no-fund", ...specs],
    remove: (names) => ["uninstall", "--ignore-scripts", "--no-audit", "--no-fund", ...names],
    update: (names) => ["update", "--ignore-scripts", "--no-audit", "--no-fund", ...names],
    runScripts: (name, version) => ["rebuild", "--ignore-scripts=false", "--foreground-scripts", `${name}@${version}`],
    scopeOption,
  },
  pnpm: {
    name: "pnpm",
    program: "pnpm",
    // Without the check a package can't be added to the root of a workspace.
    add: (specs) => ["add", "--ignore-scripts", "--ignore-workspace-root-check", ...specs],
    remove: (names) => ["remove", "--config.ignore-scripts=true", ...names],
    update: (names) => ["update", "--ignore-scripts", ...names],
    // pnpm has a list of its own of packages that may; this run is for one that dib's policy lets.
    runScripts: (name, version) => [
      "rebuild",
      "--config.ignore-scripts=false",
      "--config.dangerously-allow-all-builds=true",
      `${name}@${version}`,
    ],
    scopeOption,
  },
  yarn: {
    name: "yarn",
    program: "yarn",
    add: (specs) => ["add", "--ignore-scripts", "--non-interactive", ...specs],
    remove: (names) => ["remove", "--ignore-scripts", "--non-interactive", ...names],
    update: (names) => ["upgrade", "--ignore-scripts", "--non-interactive", ...names],
    runScripts: undefined, // it rebuilds all packages or none
    scopeOption: undefined,
  },
  "yarn 2+": {
    name: "yarn 2+",
    program: "yarn",
    add: (specs) => ["add", "--mode=skip-build", ...specs],
    remove: (names) => ["remove", "--mode=skip-build", ...names],
    update: (names) => ["up", "--recursive", "--mode=skip-build", ...names],
    runScripts: undefined, // it rebuilds every version of a name, and its lock file has no integrity
    scopeOption: undefined,
  },
};
