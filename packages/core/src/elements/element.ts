import type { BuildError } from "../errors.js";
import type { ElementHooks } from "../hooks.js";
import type { PhaseName } from "../phases/table.js";
import type { PhaseRun } from "../phases/phase-run.js";
import type { ImageFormat } from "../formats/format.js";
import type { BlockNodeType } from "../block-device/node.js";

/** Where an element was found, in the order of look-up. */
export type ElementSource = "elements-path" | "config" | "package" | "bundled" | "hook";

/** An element that exists somewhere; nothing of it was read but names. */
export interface ElementRef {
  readonly name: string;
  /** Absolute, as found (links kept). */
  readonly folder: string;
  readonly source: ElementSource;
  /** `0.0.0-local` for a folder without a package. */
  readonly version: string;
  readonly package?: {
    readonly name: string;
    /** Absolute, links resolved. */
    readonly folder: string;
    readonly manifest: ElementManifest;
    /** Package name → real folder of each package that this one gets for its dependencies and peer dependencies. */
    readonly sees: Readonly<Record<string, string>>;
  };
}

/** What `discover` taps get: add elements from elsewhere. The first of a name wins; later ones are shadowed. */
export interface ElementCatalog {
  readonly refs: ReadonlyMap<string, ElementRef>;
  readonly shadowed: readonly ElementRef[];
  /** Packages with elements that can't be used, for example a bad manifest: an error for those who ask for one of their elements. */
  readonly unusable: readonly {
    readonly names: readonly string[];
    readonly folder: string;
    readonly error: BuildError;
  }[];
  readonly searched: readonly string[];
  add(ref: Omit<ElementRef, "source" | "version"> & { readonly version?: string }): void;
}

/** The `dib` key of an element package's package.json; read without running any code of the package. */
export interface ElementManifest {
  /** The version of this format. This dib reads 1. */
  readonly apiVersion: 1;
  /**
   * The versions of `@dibjs/core` that the package works with, a semver range; the same as its peer dependency. A build with another one
   * refuses the package with ELEMENT_CORE_MISMATCH.
   * @example "core": "^1.0.0"
   */
  readonly core?: string | undefined;
  /**
   * Element name → folder relative to package.json; `.` for the package itself. One package may carry several.
   * @example "elements": { "motd": ".", "motd-legal": "./elements/motd-legal" }
   */
  readonly elements: Readonly<Record<string, string>>;
  /**
   * Element name → names it provides, beside its element-provides file. An image has one provider of a name.
   * @example "provides": { "debian": ["operating-system"] }
   */
  readonly provides?: Readonly<Record<string, readonly string[]>> | undefined;
  /**
   * Element name → semver range, for every element of the package, beside its element-deps files. The packages that have
   * them are peer dependencies, so that an image has one version of each.
   * @example "requires": { "base": "^1.0.0" }
   */
  readonly requires?: Readonly<Record<string, string>> | undefined;
  /**
   * Typed elements only: the ES module, relative to package.json, whose default export is a definition made with
   * `defineElement`, or a list of them. Shell elements need none.
   * @example "entry": "./dist/index.js"
   */
  readonly entry?: string | undefined;
  /**
   * Architectures that its elements can be built for, as Debian names them; all without it.
   * @example "arch": ["amd64", "arm64"]
   */
  readonly arch?: readonly string[] | undefined;
  /**
   * Programs that its host scripts run, with the packages they come in; looked for before a build starts. With
   * `elements`, only a build with one of these needs it, else one with any element of the package.
   * @example "hostCommands": [{ "command": "jq", "debian": "jq", "fedora": "jq", "opensuse": "jq", "elements": ["motd"] }]
   */
  readonly hostCommands?: readonly (HostCommand & { readonly elements?: readonly string[] | undefined })[] | undefined;
  /** `false` when what its scripts do may differ from build to build, so that no cache may keep it. @default true */
  readonly cache?: boolean | undefined;
  /** Phases whose scripts read the folders of other phases in `$TMP_HOOKS_PATH`, which they do not see without it. */
  readonly reads?: readonly PhaseName[] | undefined;
  /**
   * Variables that its elements read, beside `DIB_*`, which always reach scripts. A `secret` one is masked in all output and in no plan.
   * @example "variables": { "ACME_TOKEN": { "secret": true, "description": "Token of the package feed." } }
   */
  readonly variables?:
    | Readonly<Record<string, { readonly secret?: boolean | undefined; readonly description?: string | undefined }>>
    | undefined;
  /** Phases on the disk (pre-finalise, finalise, cleanup) whose programs need the network: else they have none. */
  readonly network?: readonly PhaseName[] | undefined;
  /**
   * The file that `dib pack` writes: modes, links and empty folders, which tarballs lose.
   * @example "manifest": "./dib-manifest.json"
   */
  readonly manifest?: string | undefined;
}

/** A program that an element needs on the build host. */
export interface HostCommand {
  readonly command: string;
  readonly debian?: string | undefined;
  readonly fedora?: string | undefined;
  readonly opensuse?: string | undefined;
  /** Any one of these will do instead. */
  readonly or?: readonly string[] | undefined;
}

/** A program, and for an interpreter modules of its language, such as PyYAML's `yaml`. */
export interface HostProgram extends HostCommand {
  readonly modules?: readonly string[] | undefined;
}

/** A file of an element, relative to its folder, with `/`. Folders are implied; empty ones are listed. */
export interface ElementFile {
  readonly path: string;
  readonly kind: "file" | "link" | "folder";
  readonly executable: boolean;
  /** sha256 of the content (of the target text for a link), hex; empty for a folder. */
  readonly digest: string;
  readonly linkTarget?: string | undefined;
  /** Where a packed file's content lies, relative to the element's folder, when not under its path: a link led to it, or npm drops its name. */
  readonly from?: string | undefined;
  /** How a file in a phase folder begins: with `#!` (in a line that ends in CR LF or not), as an ELF program, otherwise; or it is empty. */
  readonly opening?: Opening | undefined;
}

export type Opening = "script" | "script-crlf" | "elf" | "other" | "empty";

/** What the closure needs to know of an element. */
export interface ElementRelations extends ElementRef {
  readonly dependencies: readonly { readonly name: string; readonly range: string }[];
  /** Sorted. */
  readonly provides: readonly string[];
}

/** A loaded element: everything the plan needs to know of it. */
export interface Element extends ElementRelations {
  /** Phase folders, environment.d, bin, static and top-level files, sorted by path; never tests or node_modules. */
  readonly files: readonly ElementFile[];
  /** sha256 over files, manifest, relations and, for a typed element, its code. */
  readonly digest: string;
  /** Absolute path of the module, when the element is typed. */
  readonly entry?: string;
  /** sha256 of its code, when the element is typed. */
  readonly code?: string;
  readonly arch?: readonly string[];
  readonly hostCommands: readonly HostProgram[];
  readonly reads: readonly PhaseName[];
  readonly network: readonly PhaseName[];
  readonly isCacheable: boolean;
  readonly variables: Readonly<Record<string, { readonly secret?: boolean | undefined }>>;
}

/** The closure of what was asked for, dependencies first. */
export interface ElementSet {
  /** In the one deterministic order: dependencies first, then name. */
  readonly elements: readonly Element[];
  /** Element name → the shortest chain of names that led to it, from what the user asked for. */
  readonly askedBy: Readonly<Record<string, readonly string[]>>;
  /** Names that an element of the set provides and that were therefore left out. */
  readonly provided: Readonly<Record<string, string>>;
}

/** Standard Schema v1 (standardschema.dev): what options may be described with; zod, valibot and others implement it. */
export interface StandardSchema<Output> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}
type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | {
      readonly issues: readonly {
        readonly message: string;
        readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
      }[];
    };

/** A TypeScript step of a phase. In an inside phase `run.target.run` runs in the chroot. */
export type Step = (run: PhaseRun) => Promise<void> | void;

/** What an element's `setup` is handed. It runs twice, in the front and in the worker: closures are not shared. */
export interface ElementApi {
  readonly element: { readonly name: string; readonly version: string; readonly folder: string };
  readonly hooks: ElementHooks;
  /** Adds a step named like a script (`NN-name`), ordered among the scripts by number, then bytes. */
  readonly addScript: (phase: PhaseName, name: string, step: Step) => void;
  /** Adds `environment.d/NAME`: exports each variable unless the caller set it. */
  readonly addEnvironment: (name: string, variables: Readonly<Record<string, string>>) => void;
  /** Makes a new output format or block device node type known, and taps its hook. */
  readonly addFormat: (format: ImageFormat) => void;
  readonly addBlockNode: (type: BlockNodeType) => void;
}

/** A typed element: plain data until `setup` runs. */
export interface ElementDefinition<Options = unknown> {
  /** The element's name, as in the manifest. */
  readonly name: string;
  readonly options?: StandardSchema<Options> | undefined;
  readonly setup: (api: ElementApi, options: Options) => void;
}

/** Types an element. Does nothing at run time, so an element stays plain data. */
export function defineElement<Options = undefined>(definition: ElementDefinition<Options>): ElementDefinition<Options> {
  return definition;
}
