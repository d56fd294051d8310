import type { LockDifference } from "./lock/compare.js";

/** What kind of failure a code is; the CLI turns it into the exit code (design: "Errors and exit codes"). */
export type FailureKind = "element" | "request" | "host" | "fetch" | "space" | "policy" | "cleanup";

interface Said {
  message: string;
  hint?: string | undefined;
}

const entry = <C>(kind: FailureKind, say: (context: C) => Said) => ({ kind, say });

/** A place in a file a person wrote, printed as `file:line:column`. */
export interface Place {
  file: string;
  line?: number | undefined;
  column?: number | undefined;
}

export const formatPlace = ({ file, line, column }: Place): string =>
  [file, line, line === undefined ? undefined : column].filter((part) => part !== undefined).join(":");

/** One thing that a build has and its lock has otherwise. */
export function formatDifference({ part, name, locked, now }: LockDifference): string {
  const what = name === "" ? part : `${part} ${name}`;
  if (locked === undefined) return `${what}: not in the lock, ${now} now`;
  return `${what}: ${locked} in the lock, ${now === undefined ? "gone" : now} now`;
}

const did = (nearest: string | undefined) => (nearest === undefined ? undefined : `Did you mean "${nearest}"?`);

/** Who asked for an element, by the path to it: nobody else when it was asked for itself. */
const askers = (askedBy: readonly string[], name: string): readonly string[] =>
  askedBy.at(-1) === name ? askedBy.slice(0, -1) : askedBy;

/** A plugin by its element, package and module. */
interface PluginContext {
  element: string;
  package?: string | undefined;
  entry: string;
}

/** What each user-reachable failure says. One entry per code; the context type is the contract and is plain JSON. */
export const catalogue = {
  // config
  CONFIG_NOT_FOUND: entry("request", (c: { file: string }) => ({
    message: `The config file ${c.file} does not exist.`,
    hint: "Check the path given with --config.",
  })),
  CONFIG_UNREADABLE: entry("request", (c: { place: Place; reason: string }) => ({
    message: `${formatPlace(c.place)}: ${c.reason}`,
    hint: "The config file must be valid YAML, JSON, JavaScript or TypeScript.",
  })),
  CONFIG_KEY_UNKNOWN: entry("request", (c: { place: Place; key: string; nearest?: string | undefined }) => ({
    message: `${formatPlace(c.place)}: unknown key "${c.key}".`,
    hint: did(c.nearest) ?? "See the JSON Schema of dib.config for the keys that exist.",
  })),
  /** `isOnly`: the place is an option or a variable. Who gave it need not know the key that it stands for. */
  CONFIG_VALUE_INVALID: entry(
    "request",
    (c: { place: Place; key: string; value: string; expected: string; isOnly?: boolean | undefined }) => ({
      message: `${formatPlace(c.place)}${c.isOnly ? "" : `: ${c.key}`} is ${c.value}, expected ${c.expected}.`,
      hint: c.isOnly
        ? `Correct ${formatPlace(c.place)}, or leave it out.`
        : `Correct ${c.key} there, or leave it out. The JSON Schema of dib.config lists the values of each key.`,
    }),
  ),
  CONFIG_IMAGE_UNKNOWN: entry(
    "request",
    (c: { image: string; known: readonly string[]; nearest?: string | undefined }) => ({
      message: `The config defines no image "${c.image}" (it has: ${c.known.join(", ") || "none"}).`,
      hint: did(c.nearest),
    }),
  ),
  CONFIG_RULE_BROKEN: entry(
    "request",
    (c: { setting: string; value: string; origin: string; reason: string; hint?: string | undefined }) => ({
      message: `${c.setting} is ${c.value} (from ${c.origin}): ${c.reason}`,
      hint: c.hint ?? `Correct ${c.setting} (${c.origin}), or leave it out.`,
    }),
  ),
  FORMAT_UNKNOWN: entry(
    "request",
    (c: { format: string; origin: string; known: readonly string[]; nearest?: string | undefined }) => ({
      message: `There is no output format "${c.format}" (from ${c.origin}).`,
      hint: [did(c.nearest), `Formats: ${c.known.join(", ")}.`].filter(Boolean).join(" "),
    }),
  ),
  USAGE_INVALID: entry("request", (c: { reason: string; hint?: string | undefined }) => ({
    message: c.reason,
    hint: c.hint,
  })),

  // image definitions, which diskimage-builder reads
  DEFINITION_UNREADABLE: entry("request", (c: { place: Place; reason: string }) => ({
    message: `${formatPlace(c.place)}: ${c.reason}`,
    hint: "An image definition is a YAML file with a list of maps, indented with spaces, each key once. Nothing was built.",
  })),
  DEFINITION_KEY_UNKNOWN: entry(
    "request",
    (c: { place: Place; key: string; nearest?: string | undefined; known: readonly string[] }) => ({
      message: `${formatPlace(c.place)}: unknown key "${c.key}".`,
      hint: `${did(c.nearest) ?? `The keys are ${c.known.join(", ")}.`} Nothing was built.`,
    }),
  ),
  DEFINITION_VALUE_INVALID: entry(
    "request",
    (c: { place: Place; key: string; value: string; expected: string; hint?: string | undefined }) => ({
      message: `${formatPlace(c.place)}: ${c.key} is ${c.value}, expected ${c.expected}.`,
      hint: `${c.hint ?? `Correct ${c.key} there, or leave it out.`} Nothing was built.`,
    }),
  ),
  DEFINITION_IMAGES_FAILED: entry(
    "element",
    (c: { failed: readonly { image: string; exitCode: number }[]; left: readonly string[] }) => ({
      message: `${c.failed.map(({ image, exitCode }) => `${image} failed with exit code ${exitCode}`).join(", ")}${c.left.length > 0 ? `; not begun: ${c.left.join(", ")}` : ""}.`,
      hint: "What went wrong stands above, where each of them ended.",
    }),
  ),

  // elements
  ELEMENT_NONE: entry("request", (_: Record<string, never>) => ({
    message: "No elements were given.",
    hint: "Name at least one distribution root element, for example: dib build debian vm",
  })),
  ELEMENT_NAME_INVALID: entry("request", (c: { name: string; origin: string }) => ({
    message: `"${c.name}" is not an element name (from ${c.origin}).`,
    hint: "Element names match [a-z0-9][a-z0-9+._-]{0,127}, case ignored, optionally followed by @ and a semver range.",
  })),
  ELEMENT_PATH_INVALID: entry("request", (c: { path: string; origin: string }) => ({
    message: `ELEMENTS_PATH entry '${c.path}' is not a directory (from ${c.origin}).`,
    hint: "Remove it, or correct the path.",
  })),
  ELEMENT_NOT_FOUND: entry(
    "request",
    (c: {
      name: string;
      askedBy: readonly string[];
      searched: readonly string[];
      nearest?: string | undefined;
      kinds?: readonly string[] | undefined;
      unreadable?: readonly string[] | undefined;
    }) => ({
      message: `Element '${c.name}' not found${askers(c.askedBy, c.name).length > 0 ? ` (asked for by ${askers(c.askedBy, c.name).join(" → ")})` : ""}.`,
      hint: [
        c.kinds?.length ? `There are ${c.kinds.join(", ")}.` : did(c.nearest),
        `Searched ${c.searched.join(", ")}. Install its package or add its folder to ELEMENTS_PATH.`,
        c.unreadable?.length ? `One of these may have it, and can't be read: ${c.unreadable.join(", ")}.` : undefined,
      ]
        .filter(Boolean)
        .join(" "),
    }),
  ),
  ELEMENT_ALREADY_PROVIDED: entry(
    "request",
    (c: { name: string; providers: readonly string[]; askedBy: readonly string[] }) => ({
      message: `${c.name}: already provided by [${c.providers.map((provider) => `'${provider}'`).join(", ")}] (asked for by ${c.askedBy.join(" → ")}).`,
      hint: `Keep one of them: an image has one provider of "${c.name}".`,
    }),
  ),
  ELEMENT_NO_OPERATING_SYSTEM: entry("request", (c: { elements: readonly string[] }) => ({
    message: `Please include an operating system element: none of ${c.elements.join(", ")} provides "operating-system".`,
    hint: "For example debian-minimal, debian, ubuntu-minimal or ubuntu.",
  })),
  ELEMENT_VERSION_CONFLICT: entry(
    "request",
    (c: {
      name: string;
      version: string;
      askers: readonly { by: readonly string[]; range: string }[];
      command?: string | undefined;
    }) => ({
      message: `Element ${c.name} is at version ${c.version}, which does not satisfy everyone who asks for it:\n${c.askers
        .map(({ by, range }) => `  ${range}  asked for by ${by.join(" → ")}`)
        .join("\n")}`,
      hint: c.command === undefined ? undefined : `Try: ${c.command}`,
    }),
  ),
  ELEMENT_COPIES: entry("request", (c: { name: string; folders: readonly string[] }) => ({
    message: `Element ${c.name} is installed more than once: ${c.folders.join(", ")}.`,
    hint: "An image has one copy of each element. Remove one, or run the package manager's dedupe.",
  })),
  ELEMENT_MANIFEST_INVALID: entry("request", (c: { file: string; key: string; reason: string }) => ({
    message: `${c.file}: "dib" manifest: ${c.key ? `${c.key}: ` : ""}${c.reason}`,
    hint: "Correct it there; of an installed package, install a version whose manifest is right.",
  })),
  ELEMENT_API_UNSUPPORTED: entry(
    "request",
    (c: { package: string; file: string; apiVersion: number; known: number }) => ({
      message: `${c.package} has a manifest of apiVersion ${c.apiVersion} (${c.file}); this dib knows apiVersion ${c.known}.`,
      hint: "Update dib, or install an older version of the package.",
    }),
  ),
  ELEMENT_CORE_MISMATCH: entry(
    "request",
    (c: { package: string; range: string; core: string; folder: string; other?: string | undefined }) => ({
      message: `${c.package} needs @dibjs/core ${c.range}, this is ${c.core} (${c.folder}).${c.other === undefined ? "" : ` The other copy, in ${c.other}, is not the one that builds.`}`,
      hint: `Install a version of the element that supports this core, or the core that it needs: npm outdated ${c.package} @dibjs/core`,
    }),
  ),
  ELEMENT_FILE_INVALID: entry(
    "request",
    (c: { element: string; file: string; reason: string; hint?: string | undefined }) => ({
      message: `${c.element}: ${c.file}: ${c.reason}`,
      hint: c.hint,
    }),
  ),
  ELEMENT_ARCH_UNSUPPORTED: entry("request", (c: { element: string; arch: string; supported: readonly string[] }) => ({
    message: `Element ${c.element} does not support ${c.arch} (it supports ${c.supported.join(", ")}).`,
  })),
  ELEMENT_ENTRY_FAILED: entry("element", (c: PluginContext & { reason: string }) => ({
    message: `The plugin of element ${c.element} (${c.package === undefined ? "" : `package ${c.package}, `}${c.entry}) could not be loaded: ${c.reason}`,
  })),
  ELEMENT_ENTRY_HUNG: entry("element", (c: PluginContext & { seconds: number }) => ({
    message: `The plugin of element ${c.element} (${c.package === undefined ? "" : `package ${c.package}, `}${c.entry}) was not loaded and set up after ${c.seconds} s.`,
    hint: "It waits for something, or runs in circles. Work belongs into its steps and hooks, not into its module or setup.",
  })),
  ELEMENT_ENTRY_EXITED: entry("element", (c: PluginContext & { call: string }) => ({
    message: `The plugin of element ${c.element} (${c.package === undefined ? "" : `package ${c.package}, `}${c.entry}) called ${c.call} while it was loaded.`,
    hint: "A plugin throws an error to end a build.",
  })),
  ELEMENT_ENTRY_PATCHED: entry("element", (c: PluginContext & { changed: readonly string[] }) => ({
    message: `The plugin of element ${c.element} (${c.package === undefined ? "" : `package ${c.package}, `}${c.entry}) changed what all code shares: ${c.changed.join(", ")}.`,
    hint: "Builds with a plugin that does so are refused. Import a library that leaves the builtins alone.",
  })),
  ELEMENT_OPTIONS_INVALID: entry("request", (c: { element: string; issues: readonly string[] }) => ({
    message: `Options of element ${c.element}: ${c.issues.join("; ")}.`,
  })),
  PLUG_N_PLAY_UNSUPPORTED: entry("request", (c: { file: string }) => ({
    message: `${c.file}: Plug'n'Play installs have no files that a script could run from.`,
    hint: "Set nodeLinker: node-modules in .yarnrc.yml.",
  })),

  // writing elements
  ELEMENT_PACKAGE_MISSING: entry("request", (c: { folder: string }) => ({
    message: `${c.folder} is not the folder of an element package.`,
    hint: 'Its package.json must have a "dib" key that names its elements. dib new makes such a package, dib import makes one of a DIB element.',
  })),
  PACK_REFUSED: entry("request", (c: { package: string; file: string; reason: string; hint: string }) => ({
    message: `${c.package}: ${c.file}: ${c.reason}.`,
    hint: c.hint,
  })),
  PACK_LIST_FAILED: entry("host", (c: { folder: string; reason: string }) => ({
    message: `npm could not list what it would pack of ${c.folder}: ${c.reason}`,
    hint: "Try npm pack --dry-run in that folder.",
  })),
  LINT_NOTHING_FOUND: entry("request", (c: { folder: string }) => ({
    message: `There is nothing to check in ${c.folder}.`,
    hint: "Name an element package, the folder of an element, or a folder of elements.",
  })),
  IMPORT_SOURCE_INVALID: entry("request", (c: { folder: string; reason: string }) => ({
    message: `${c.folder} can't be imported: ${c.reason}.`,
    hint: "Name folders of DIB elements, for example diskimage_builder/elements/NAME.",
  })),
  PACKAGE_NAME_INVALID: entry("request", (c: { name: string; origin: string; reason: string }) => ({
    message: `"${c.name}" can't be the name of a package (from ${c.origin}): ${c.reason}.`,
    hint: "Package names are lower case, with letters, digits, . _ and -; a scope looks like @acme.",
  })),
  PACKAGE_FOLDER_NOT_EMPTY: entry("request", (c: { folder: string }) => ({
    message: `${c.folder} is there already, and not empty.`,
    hint: "Choose another with --folder, or move it away. Nothing was written.",
  })),
  PACKAGE_FOLDER_UNWRITABLE: entry("host", (c: { folder: string; reason: string }) => ({
    message: `${c.folder} can't be written: ${c.reason}`,
    hint: "Choose another place with --folder. Nothing was left behind.",
  })),

  // packages of elements, and the project's package manager
  PACKAGE_NOT_FOUND: entry("request", (c: { package: string; tried: readonly string[]; registry: string }) => ({
    message: `There is no package ${c.tried.join(", nor ")} at ${c.registry}.`,
    hint: `Check the name, or look for it with: dib search ${c.package}`,
  })),
  PACKAGE_VERSION_MISSING: entry(
    "request",
    (c: { package: string; range: string; known?: readonly string[] | undefined }) => ({
      message: `${c.package} has no version ${c.range}${c.known === undefined ? "" : ` (it has ${c.known.join(", ")})`}.`,
      hint: `npm view ${c.package} versions lists what there is.`,
    }),
  ),
  PACKAGE_NOT_ELEMENT: entry("request", (c: { package: string; reason: string }) => ({
    message: `${c.package} is not an element package: ${c.reason}. The project is as it was.`,
    hint: "An element package has a manifest under the key dib of its package.json. Other packages are added with the package manager itself.",
  })),
  PACKAGE_NOT_INSTALLED: entry(
    "request",
    (c: { package: string; nearest?: string | undefined; installed: readonly string[] }) => ({
      message: `No installed element package is called ${c.package}, and none brings an element of that name (installed: ${c.installed.join(", ") || "none"}).`,
      hint: did(c.nearest) ?? "dib elements lists what there is.",
    }),
  ),
  PACKAGE_CONFLICT: entry(
    "request",
    (c: {
      package: string;
      version?: string | undefined;
      askers: readonly { by: readonly string[]; range: string }[];
      command?: string | undefined;
    }) => ({
      message: `No version of ${c.package}${c.version === undefined ? "" : ` (now ${c.version})`} satisfies everyone who asks for it:\n${c.askers
        .map(({ by, range }) => `  ${range}  asked for by ${by.join(" → ")}`)
        .join("\n")}\nThe project is as it was.`,
      hint: c.command === undefined ? undefined : `Try: ${c.command}`,
    }),
  ),
  PACKAGE_INTEGRITY_WRONG: entry("fetch", (c: { package: string; reason: string }) => ({
    message: `The content of ${c.package} is not what its integrity says: ${c.reason}`,
    hint: "The package was changed on its way, or in the registry, or the lock file was edited. Nothing of it is kept.",
  })),
  REGISTRY_UNREACHABLE: entry("fetch", (c: { package: string; reason: string }) => ({
    message: `The registry did not answer when asked for ${c.package}: ${c.reason}`,
    hint: "Check the network and the setting registry in .npmrc; npm ping asks the registry for a sign of life.",
  })),
  REGISTRY_REFUSED: entry("fetch", (c: { package: string; reason: string }) => ({
    message: `The registry refuses ${c.package}: ${c.reason}`,
    hint: "It may need a login: npm login, or a token in .npmrc.",
  })),
  REGISTRY_ANSWER_INVALID: entry("fetch", (c: { package: string; reason: string }) => ({
    message: `The registry's answer for ${c.package} can't be understood: ${c.reason}`,
    hint: "Something that is no npm registry answers there: check the setting registry in .npmrc, and any proxy.",
  })),
  MANAGER_UNSUPPORTED: entry("request", (c: { manager: string; file: string; reason: string }) => ({
    message: `${c.file}: the package manager ${c.manager} can't be used: ${c.reason}`,
    hint: "Element packages are installed with npm, pnpm or yarn.",
  })),
  MANAGER_FAILED: entry(
    "element",
    (c: { command: string; package: string; how: string; tail: string; hint?: string | undefined }) => ({
      message: `${c.command} ${c.how} for ${c.package}.${c.tail ? `\n${c.tail}` : ""}`,
      hint: c.hint,
    }),
  ),
  PROJECT_BUSY: entry("host", (c: { folder: string }) => ({
    message: `Another dib is changing the packages of ${c.folder}.`,
    hint: "Wait for it to end.",
  })),
  PROJECT_UNWRITABLE: entry("host", (c: { folder: string; reason: string }) => ({
    message: `The packages of ${c.folder} can't be changed: ${c.reason}`,
    hint: "The folder, and what is in it, must be writable for whoever runs dib.",
  })),

  // trust
  POLICY_INVALID: entry("policy", (c: { file: string; key: string; reason: string }) => ({
    message: `${c.file}: ${c.key ? `${c.key}: ` : ""}${c.reason}`,
    hint: "A policy that can't be read refuses everything. Correct it; docs/packages.md has its keys.",
  })),
  REGISTRY_FOREIGN: entry("policy", (c: { package: string; source: string; registry: string }) => ({
    message: `${c.package} comes from ${c.source}, but its scope belongs to ${c.registry}.`,
    hint: "The policy (registries in dib.policy.json) binds a scope to one registry; there is no other for it.",
  })),
  RELEASE_TOO_NEW: entry(
    "policy",
    (c: { package: string; published: string | undefined; minimumMinutes: number; reason: string }) => ({
      message: `${c.package} is refused: ${c.reason}; the policy asks for ${c.minimumMinutes} minutes.`,
      hint: "Take an older version, wait, or name the package in minimumReleaseAgeExclude of dib.policy.json.",
    }),
  ),
  APPROVAL_STALE: entry("policy", (c: { package: string; approved: string; actual: string }) => ({
    message: `The lifecycle scripts of ${c.package} are approved for the content ${c.approved}, but it has ${c.actual}.`,
    hint: "Read the scripts with dib approve, and approve the package anew if they are still fine.",
  })),
  PACKAGE_SCRIPTLESS: entry("request", (c: { package: string; known: readonly string[] }) => ({
    message: `No installed package ${c.package} has lifecycle scripts (with scripts: ${c.known.join(", ") || "none"}).`,
    hint: "dib approve without a name lists all that have.",
  })),
  INTEGRITY_MISSING: entry("policy", (c: { package: string; file: string }) => ({
    message: `${c.file} has no integrity for ${c.package}: nothing says what its content must be.`,
    hint: "Install it from a registry, or let the package manager write the lock file anew.",
  })),

  PACKAGE_LOCK_STALE: entry("policy", (c: { package: string; locked: readonly string[]; file: string }) => ({
    message: `${c.package} is installed, but ${c.file} has ${c.locked.join(", ") || "no version of it"}.`,
    hint: "Install what the lock file says (npm ci), or let the package manager write it anew (npm install).",
  })),

  // hooks
  HOOK_TAP_FAILED: entry("element", (c: { hook: string; tap: string; reason: string }) => ({
    message: `"${c.tap}" failed in hook "${c.hook}": ${c.reason}`,
  })),
  HOOK_TAP_RETURNED_NOTHING: entry("element", (c: { hook: string; tap: string }) => ({
    message: `"${c.tap}" returned nothing in hook "${c.hook}", which passes a value on.`,
    hint: "Return the value, changed or not.",
  })),
  HOOK_ORDER_UNKNOWN: entry("element", (c: { hook: string; tap: string; target: string }) => ({
    message: `"${c.tap}" wants an order relative to "${c.target}" in hook "${c.hook}", but nothing is called that.`,
    hint: "Taps are named after their element. Check the spelling, or add the missing element.",
  })),
  HOOK_ORDER_CYCLE: entry("element", (c: { hook: string; taps: readonly string[] }) => ({
    message: `Taps of hook "${c.hook}" want to run before each other: ${c.taps.join(", ")}.`,
    hint: "Take away one of their before and after, or leave one of these elements out.",
  })),
  HOOK_KEY_UNKNOWN: entry(
    "element",
    (c: { hook: string; key: string; known: readonly string[]; nearest?: string | undefined }) => ({
      message: `Hook "${c.hook}" has no key "${c.key}".`,
      hint: [did(c.nearest), `Keys: ${c.known.join(", ")}.`].filter(Boolean).join(" "),
    }),
  ),
  HOOK_SEALED: entry("element", (c: { hook: string; tap: string }) => ({
    message: `"${c.tap}" taps hook "${c.hook}" after set-up.`,
    hint: "Tap in setup(), before the build starts.",
  })),

  // plan
  PLAN_SCRIPT_CLASH: entry("request", (c: { path: string; elements: readonly string[] }) => ({
    message: `There is a duplicated hook in your elements: ${c.path} (in ${c.elements.join(" and ")}).`,
    hint: "Rename one of them, or leave one of the elements out.",
  })),
  PLAN_SCRIPT_INVALID: entry(
    "request",
    (c: { element: string; script: string; reason: string; hint?: string | undefined }) => ({
      message: `${c.element}: ${c.script}: ${c.reason}`,
      hint: c.hint,
    }),
  ),
  PLAN_VARIABLE_INVALID: entry("request", (c: { name: string; origin: string; reason: string }) => ({
    message: `Variable ${JSON.stringify(c.name)} (from ${c.origin}): ${c.reason}`,
  })),
  PLAN_CHANGED_INVALID: entry("element", (c: { hook: string; reason: string }) => ({
    message: `After hook "${c.hook}" the plan is not usable: ${c.reason}`,
  })),

  // host
  HOST_TOOL_MISSING: entry(
    "host",
    (c: {
      tools: readonly {
        tool: string;
        neededFor: string;
        debian?: string | undefined;
        fedora?: string | undefined;
        opensuse?: string | undefined;
      }[];
    }) => ({
      message: `Missing on this host:\n${c.tools.map(({ tool, neededFor }) => `  ${tool} (for ${neededFor})`).join("\n")}`,
      hint: [
        ["apt-get install", c.tools.map(({ debian }) => debian)],
        ["dnf install", c.tools.map(({ fedora }) => fedora)],
        ["zypper install", c.tools.map(({ opensuse }) => opensuse)],
      ]
        .map(
          ([command, names]) =>
            `${String(command)} ${[...new Set((names as (string | undefined)[]).filter(Boolean))].join(" ")}`,
        )
        .join("\n"),
    }),
  ),
  HOST_PRIVILEGE_MISSING: entry("host", (c: { reason: string; hint: string }) => ({ message: c.reason, hint: c.hint })),
  HOST_KERNEL_UNFIT: entry("host", (c: { feature: string; neededFor: string; hint?: string | undefined }) => ({
    message: `The kernel lacks ${c.feature}, needed for ${c.neededFor}.`,
    hint: c.hint,
  })),
  HOST_SPACE_SHORT: entry("space", (c: { path: string; neededBytes: number; freeBytes: number }) => ({
    message: `${c.path} has ${Math.floor(c.freeBytes / 2 ** 20)} MiB free, the build needs about ${Math.ceil(c.neededBytes / 2 ** 20)} MiB.`,
    hint: "Free some space, or set TMPDIR or --image-cache to a larger file system.",
  })),
  HOST_FOLDER_UNFIT: entry("host", (c: { setting: string; path: string; reason: string }) => ({
    message: `${c.path} can't be used: ${c.reason}.`,
    hint: `Choose another folder with ${c.setting}.`,
  })),
  HOST_ARCH_UNFIT: entry("host", (c: { arch: string; host: string }) => ({
    message: `Building for ${c.arch} on ${c.host} needs qemu-user with binfmt_misc.`,
    hint: "apt-get install qemu-user-static binfmt-support",
  })),
  OUTPUT_UNWRITABLE: entry("host", (c: { path: string; reason: string; setting?: string | undefined }) => ({
    message: `The output ${c.path} can't be written: ${c.reason}.`,
    hint: `Choose another place with ${c.setting ?? "-o"}.`,
  })),
  OUTPUT_BUSY: entry("host", (c: { path: string }) => ({
    message: `Another build is writing ${c.path}.`,
    hint: "Wait for it, or choose another name with -o.",
  })),

  // testkit
  FIXTURE_TREE_FAILED: entry("request", (c: { doing: string; reason: string }) => ({
    message: `The tree for the test could not be made (${c.doing}): ${c.reason}`,
    hint: "A tree is made of folders, archives and files that exist; see the README of @dibjs/testkit.",
  })),

  // worker
  WORKER_LAUNCH_FAILED: entry("host", (c: { reason: string }) => ({
    message: `The build worker could not be started: ${c.reason}`,
    hint: "It needs mount and pid namespaces: run as root (in a container: --privileged).",
  })),
  WORKER_DIED: entry("element", (c: { how: string; phase?: string | undefined; tail?: string | undefined }) => ({
    message: `The build worker ended unexpectedly (${c.how})${c.phase === undefined ? "" : ` in ${c.phase}`}.${c.tail ? `\n${c.tail}` : ""}`,
    hint: "Nothing was published. Out of memory is the usual cause: see dmesg.",
  })),
  WORKER_PROTOCOL_MISMATCH: entry("request", (c: { front: number; worker: number }) => ({
    message: `The worker speaks protocol ${c.worker}, this side ${c.front}: two versions of @dibjs/core are installed.`,
  })),
  BUILD_INTERRUPTED: entry("element", (c: { signal: string; stage: string }) => ({
    message: `Interrupted by ${c.signal} in ${c.stage}.`,
  })),

  // workspace
  MOUNT_FAILED: entry("host", (c: { what: string; target: string; reason: string }) => ({
    message: `Mounting ${c.what} on ${c.target} failed: ${c.reason}`,
  })),
  RELEASE_FAILED: entry("cleanup", (c: { left: readonly string[] }) => ({
    message: `Could not release: ${c.left.join(", ")}.`,
    hint: "Run dib doctor --fix, or free them by hand before the next build.",
  })),
  TARGET_PATH_UNSAFE: entry("element", (c: { path: string; at: string; reason: string }) => ({
    message: `${c.path} in the target leads out of the expected place: ${c.at} is ${c.reason}.`,
    hint: "An element left a link or a special file there; the host does not write through it.",
  })),

  // phases
  ROOT_NOT_DEPLOYED: entry("element", (c: { found: readonly string[] }) => ({
    message: `Failed to deploy the root element: the root phase left ${c.found.length === 0 ? "nothing" : `only ${c.found.join(", ")}`} in the target.`,
    hint: "An operating system element must fill $TARGET_ROOT in root.d.",
  })),
  ENVIRONMENT_FAILED: entry("element", (c: { file: string; phase: string; exitCode: number; tail: string }) => ({
    message: `environment.d/${c.file} failed with ${c.exitCode} before phase ${c.phase}.${c.tail ? `\n${c.tail}` : ""}`,
    hint: "environment.d files run under set -eu -o pipefail, in every phase, inside and outside the chroot.",
  })),
  SCRIPT_FAILED: entry(
    "element",
    (c: {
      script: string;
      element: string;
      phase: string;
      exitCode?: number | undefined;
      signal?: string | undefined;
      tail: string;
      hint?: string | undefined;
    }) => ({
      message: `${c.phase}.d/${c.script} of element ${c.element} ${c.signal === undefined ? `exited with ${c.exitCode}` : `was killed by ${c.signal}`}.${c.tail ? `\n${c.tail}` : ""}`,
      hint:
        c.hint ??
        (c.exitCode === 127
          ? "A command in the script, or its interpreter, is missing."
          : "Run again with --shell-on-error to look around."),
    }),
  ),
  PACKAGES_FAILED: entry("element", (c: { packages: readonly string[]; exitCode: number; tail: string }) => ({
    message: `Installing ${c.packages.join(" ")} exited with ${c.exitCode}.${c.tail ? `\n${c.tail}` : ""}`,
    hint: "These come from -p or packages:. Check their names for this distribution.",
  })),
  LAYER_LOST: entry("host", (c: { phase: string; folder: string }) => ({
    message: `The cached result of ${c.phase} was changed or removed while a build used it (${c.folder}).`,
    hint: "Remove layers with dib cache prune or dib cache clear, which leave alone what a build uses.",
  })),
  SPACE_EXHAUSTED: entry("space", (c: { path: string; doing: string }) => ({
    message: `No space left on ${c.path} while ${c.doing}.`,
    hint: "Free some space there, or choose a larger place: TMPDIR (or --no-tmpfs) for the work folders, -o for outputs, --image-cache for the cache, --logfile for the log, --image-size for the image.",
  })),
  BREAK_NAME_UNKNOWN: entry("request", (c: { name: string; nearest?: string | undefined }) => ({
    message: `There is no break point "${c.name}".`,
    hint: did(c.nearest) ?? "Break points are before-PHASE, after-PHASE and after-error.",
  })),

  // block device
  BLOCK_DEVICE_CONFIG_INVALID: entry("request", (c: { place: string; reason: string }) => ({
    message: `Block device config (${c.place}): ${c.reason}`,
    hint: "Correct it there: DIB_BLOCK_DEVICE_CONFIG (YAML, or file://PATH), blockDevice in dib.config, or an element's block-device-*.yaml.",
  })),
  BLOCK_DEVICE_PARAMETERS_INVALID: entry("request", (c: { file: string; reason: string }) => ({
    message: `Parameters of the block device (${c.file}): ${c.reason}`,
    hint: "--params or DIB_BLOCK_DEVICE_PARAMS_YAML name a YAML file with build-dir, config, image-dir, mount-base, image-size, root-fs-type, root-fs-opts and root-label.",
  })),
  BLOCK_DEVICE_STATE_MISSING: entry("request", (c: { what: string; file: string; command: string }) => ({
    message: `${c.what}: ${c.file}`,
    hint: `Run ${c.command} first, with the same parameters.`,
  })),
  BLOCK_DEVICE_STATE_BROKEN: entry("host", (c: { file: string; reason: string }) => ({
    message: `${c.file} can't be read: ${c.reason}`,
    hint: "Only dib block-device writes that file. See losetup -a and findmnt for what is still held, free it by hand, and remove the folder.",
  })),
  BLOCK_DEVICE_HELD: entry("request", (c: { stateDir: string; held: readonly string[] }) => ({
    message: `${c.stateDir} still holds a block device: ${c.held.join(", ")}.`,
    hint: "Run umount and cleanup, or delete, with the same parameters.",
  })),
  BLOCK_DEVICE_BUSY: entry("request", (c: { stateDir: string; reason: string }) => ({
    message: `Another command is at work on the block device of ${c.stateDir}${c.reason === "" ? "" : ` (${c.reason})`}.`,
    hint: "Run it again when that one has ended.",
  })),
  BLOCK_DEVICE_IMAGE_EXISTS: entry("request", (c: { image: string }) => ({
    message: `${c.image} is there already, and nothing is written over it.`,
    hint: "Remove it, or give another image-dir.",
  })),
  BLOCK_DEVICE_NODE_FAILED: entry("element", (c: { node: string; doing: string; reason: string }) => ({
    message: `Block device node ${c.node}: ${c.doing} failed: ${c.reason}`,
  })),
  BLOCK_DEVICE_SECRET_UNUSABLE: entry("request", (c: { node: string; from: string; reason: string }) => ({
    message: `Block device node ${c.node}: ${c.from} holds no passphrase: ${c.reason}.`,
    hint: "A passphrase has 1 to 512 bytes. Set the variable in the environment of the build or with --env; a file is a regular one on the build host.",
  })),
  BLOCK_DEVICE_FOREIGN: entry("element", (c: { device: string; script: string; element: string }) => ({
    message: `${c.script} of element ${c.element} hands over ${JSON.stringify(c.device)}, which is no device that it made for this build.`,
    hint: 'It may hand over a loop device over a file that it made in $TMP_IMAGE_DIR (losetup -f --show "$TMP_IMAGE_DIR/image.raw"), or a partition of one. A block-device-default.yaml in the element does all that without a script.',
  })),
  BLOCK_DEVICE_LAYOUT_LOST: entry(
    "request",
    (c: { device: string; script: string; element: string; origin: string; lost: readonly string[] }) => ({
      message: `${c.script} of element ${c.element} hands over ${c.device} as the disk, and the layout (${c.origin}) has ${c.lost.join(", ")}: the image would be without.`,
      hint: "A device of a script holds the root's file system and nothing else. Leave the element out, or take a layout without encryption and LVM.",
    }),
  ),
  BLOCK_DEVICE_NAME_TAKEN: entry("host", (c: { node: string; name: string; by: string }) => ({
    message: `Block device node ${c.node}: the name ${c.name} is taken on this host, by ${c.by}.`,
    hint: "Device mapper has one list of names for the whole host. Give the volume group or encrypted device another name, or build when the other is gone; dib doctor --fix clears what dead builds left.",
  })),
  IMAGE_TOO_SMALL: entry("space", (c: { sizeBytes: number; neededBytes: number }) => ({
    message: `The image of ${Math.floor(c.sizeBytes / 2 ** 20)} MiB is too small: its content needs about ${Math.ceil(c.neededBytes / 2 ** 20)} MiB.`,
    hint: "Raise --image-size, or leave it out to have it computed.",
  })),

  // fetch
  /** `status`: of the answer, when there was one. */
  FETCH_FAILED: entry("fetch", (c: { url: string; reason: string; status?: number }) => ({
    message: `Fetching ${c.url} failed: ${c.reason}`,
  })),
  FETCH_TRUNCATED: entry("fetch", (c: { url: string; gotBytes?: number; expectedBytes?: number }) => ({
    message:
      c.gotBytes === undefined
        ? `${c.url} ended before it was whole.`
        : `${c.url} ended after ${c.gotBytes} of ${c.expectedBytes} bytes.`,
    hint: "The server or a proxy cut the download. Run again: what came is kept aside and the rest is fetched.",
  })),
  FETCH_CHECKSUM_WRONG: entry("fetch", (c: { url: string; expected?: string; actual?: string }) => ({
    message:
      c.expected === undefined || c.actual === undefined
        ? `${c.url} is not what its index says.`
        : `${c.url} has sha256 ${c.actual}, expected ${c.expected}.`,
    hint: "The file or its checksum list is stale or was tampered with. Nothing of it is kept.",
  })),
  SIGNATURE_INVALID: entry("fetch", (c: { file: string; reason: string }) => ({
    message: `The signature of ${c.file} is not valid: ${c.reason}`,
  })),
  SIGNATURE_KEY_EXPIRED: entry("fetch", (c: { file: string; fingerprint: string }) => ({
    message: `${c.file} is signed by the expired key ${c.fingerprint}.`,
  })),
  SIGNATURE_KEY_UNTRUSTED: entry("fetch", (c: { file: string; fingerprint: string; trusted: readonly string[] }) => ({
    message: `${c.file} is signed by ${c.fingerprint}, which is not trusted.`,
    hint: c.trusted.length === 0 ? undefined : `Trusted keys: ${c.trusted.join(", ")}.`,
  })),

  // lock
  LOCK_MISSING: entry("policy", (c: { file: string; image: string; command: string }) => ({
    message: `${c.file} has no image "${c.image}" that a locked build could keep to.`,
    hint: `Make it with ${c.command}, and keep the file under version control.`,
  })),
  LOCK_INVALID: entry("policy", (c: { place: Place; reason: string }) => ({
    message: `${formatPlace(c.place)}: ${c.reason}`,
    hint: "Take the file back from version control, or delete it and make it anew with dib lock --update.",
  })),
  LOCK_MISMATCH: entry(
    "policy",
    (c: {
      file: string;
      image: string;
      differences: readonly LockDifference[];
      command: string;
      wayBack?: string | undefined;
    }) => ({
      message: `The build of ${c.image} is not what ${c.file} says:\n${c.differences.map((each) => `  ${formatDifference(each)}`).join("\n")}`,
      hint: `Nothing was published. If this is what you want: ${c.command}${c.wayBack === undefined ? "" : `\nTo go back to the lock: ${c.wayBack}`}`,
    }),
  ),
  LOCK_UNWRITABLE: entry("host", (c: { file: string; reason: string }) => ({
    message: `The lock ${c.file} can't be written: ${c.reason}.`,
    hint: "Make the project's folder writable; a build with --locked writes nothing there.",
  })),

  // formats and publishing
  FORMAT_FAILED: entry("element", (c: { format: string; reason: string; hint?: string | undefined }) => ({
    message: `Writing the ${c.format} output failed: ${c.reason}`,
    hint: c.hint,
  })),
  ARTIFACT_CHECK_FAILED: entry("element", (c: { file: string; reason: string }) => ({
    message: `${c.file} did not pass its check: ${c.reason}`,
    hint: "Nothing was published.",
  })),
  PUBLISH_FAILED: entry("host", (c: { path: string; reason: string }) => ({
    message: `Publishing ${c.path} failed: ${c.reason}`,
  })),

  // boot
  BOOT_TEXT_MISSING: entry("element", (c: { text: string; seconds: number; tail: string }) => ({
    message: `"${c.text}" did not come over the serial line within ${c.seconds} s.${c.tail ? `\n${c.tail}` : ""}`,
    hint: "The image needs console=ttyS0 on its kernel line. Emulation is slow: try a longer --timeout.",
  })),
  BOOT_FAILED: entry("element", (c: { image: string; how: string; tail: string }) => ({
    message: `The machine that booted ${c.image} ended (${c.how}).${c.tail ? `\n${c.tail}` : ""}`,
  })),

  /** Several findings of one stage, reported together. */
  SEVERAL_FINDINGS: entry(
    "request",
    (c: { findings: readonly { code: string; message: string; hint?: string | undefined }[] }) => ({
      message: c.findings.map(({ code, message }) => `${code}: ${message}`).join("\n"),
      hint:
        [...new Set(c.findings.map(({ hint }) => hint).filter((hint) => hint !== undefined))].join("\n") || undefined,
    }),
  ),
} as const;

export type ErrorCode = keyof typeof catalogue;
export type ErrorContext<C extends ErrorCode> = Parameters<(typeof catalogue)[C]["say"]>[0];

const brand = Symbol.for("@dibjs/core/BuildError");

/** A failure the user can cause or fix. Programmer mistakes stay plain `Error`. */
export class BuildError<C extends ErrorCode = ErrorCode> extends Error {
  static {
    this.prototype.name = "BuildError";
  }
  readonly [brand] = true;
  readonly code: C;
  readonly context: ErrorContext<C>;
  readonly hint: string | undefined;
  readonly kind: FailureKind;

  /** `left`: what could not be released after the failure, in words. It makes the failure one of clean-up. */
  constructor(
    code: C,
    context: ErrorContext<C>,
    options?: ErrorOptions & { kind?: FailureKind; left?: readonly string[] },
  ) {
    const { kind, say } = catalogue[code] as { kind: FailureKind; say: (context: ErrorContext<C>) => Said };
    const { message, hint } = say(context);
    const left = options?.left ?? [];
    super([message, ...left].join("\n"), options);
    this.code = code;
    this.context = context;
    this.hint =
      left.length === 0 ? hint : [hint, catalogue.RELEASE_FAILED.say({ left }).hint].filter(Boolean).join("\n");
    this.kind = left.length === 0 ? (options?.kind ?? kind) : "cleanup";
  }
}

/** Works across two copies of core, where `instanceof` does not. */
export const isBuildError = (error: unknown): error is BuildError =>
  typeof error === "object" && error !== null && (error as { [brand]?: unknown })[brand] === true;

/** Throws nothing for an empty list, the finding itself for one, `SEVERAL_FINDINGS` (of the first one's kind) for more. */
export function throwFindings(findings: readonly BuildError[]): void {
  const [first, ...rest] = findings;
  if (first === undefined) return;
  if (rest.length === 0) throw first;
  const listed = findings.map(({ code, message, hint }) => ({ code, message, hint }));
  throw new BuildError("SEVERAL_FINDINGS", { findings: listed }, { kind: first.kind });
}

export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
