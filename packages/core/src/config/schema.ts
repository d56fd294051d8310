import type { NodeConfig } from "../block-device/node.js";

/** Where a setting came from, for messages and `dib plan`: `default`, `--flag`, `$VARIABLE`, `file:line:col`. */
export type Origin = string;

/**
 * What a build was asked to do, complete and checked: defaults in, paths absolute, units resolved. One image.
 * `origins` says for each key where its value came from.
 */
export interface BuildConfig {
  readonly image: string;
  readonly elements: readonly { readonly name: string; readonly range: string; readonly origin: Origin }[];
  readonly options: Readonly<Record<string, unknown>>;
  readonly elementPaths: readonly { readonly path: string; readonly origin: Origin }[];
  readonly arch: string;
  /** IMAGE_NAME as written. */
  readonly output: string;
  readonly formats: readonly string[];
  readonly packages: readonly string[];
  readonly base: boolean;
  readonly ramdisk: boolean;
  readonly ramdiskElement: string;
  readonly environment: Readonly<
    Record<string, { readonly value: string; readonly origin: Origin; readonly secret: boolean }>
  >;
  /** Proxies and other values that name the run; in no plan. */
  readonly runEnvironment: Readonly<Record<string, string>>;
  /** What else the caller has set: an element gets a variable of it only by declaring it. In no plan. */
  readonly callerEnvironment: Readonly<Record<string, string>>;
  /** DIB's variables as the caller had them, for DIB_ENV; undefined when it holds what the plan has of them. */
  readonly callerDibVariables: Readonly<Record<string, string>> | undefined;
  readonly checksums: readonly string[];
  readonly imageSizeGiB: number | undefined;
  readonly imageExtraSizeMiB: number | undefined;
  readonly mkfsOptions: string;
  readonly mkfsJournalSizeMiB: number;
  readonly maxOnlineResize: number | undefined;
  readonly rootLabel: string | undefined;
  readonly fsType: string;
  /** Inline YAML, `file://` path, or parsed nodes. */
  readonly blockDevice: string | readonly NodeConfig[] | undefined;
  /** Undefined: what the layout says, 512 where it says nothing. */
  readonly sectorSizeBytes: number | undefined;
  readonly useTmpfs: boolean;
  readonly minTmpfsGiB: number;
  readonly qcow2Compression: "zstd" | "zlib" | "none";
  readonly qemuImgOptions: string;
  /** What makes a tgz, with its options; undefined for pigz or gzip. */
  readonly gzipProgram: string | undefined;
  /** Name of the container image; undefined for the name of the output. */
  readonly dockerTarget: string | undefined;
  /** Path of the manifest of an aci; undefined for a plain one. */
  readonly aciManifest: string | undefined;
  readonly installType: string;
  readonly offline: boolean;
  readonly breaks: readonly string[];
  readonly shellOnError: boolean;
  readonly debugTrace: number;
  readonly overwriteOldImage: boolean;
  readonly keep: boolean;
  readonly cacheDir: string;
  /** Of results of phases that are kept between builds: `refresh` takes none and keeps new ones. */
  readonly layers: "use" | "refresh" | "none";
  /** Folders of packed results of phases, to take from and to leave in. */
  readonly cacheFrom: string | undefined;
  readonly cacheTo: string | undefined;
  readonly lockDir: string;
  readonly tmpDir: string;
  readonly projectDir: string;
  /** There is a config file or a package.json: builds keep `dib.lock` in projectDir. */
  readonly isProject: boolean;
  /** Absolute: where the command was given. */
  readonly cwd: string;
  /** PATH of outside scripts. */
  readonly path: string;
  /** Absolute folders of element packages that come with the caller. */
  readonly bundled: readonly string[];
  readonly plugins: readonly string[];
  readonly caller: { readonly uid: number; readonly gid: number; readonly user: string; readonly home: string };
  /** DIB_ARGS, word by word. */
  readonly args: readonly string[];
  readonly origins: Readonly<Record<string, Origin>>;
}
