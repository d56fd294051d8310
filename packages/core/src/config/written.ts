/**
 * What a person may write in dib.config.*: the settings of one image at the top, or `images`, each with settings of its
 * own for which the top holds the defaults. Purely descriptive, so that the JSON Schema for editors is made from it;
 * normalize.ts gives it its meaning. The `error` of each part is what a message says was expected.
 */
import { z } from "zod";

const text = (expected: string) => z.string({ error: expected });
const positive = (expected: string) => z.number({ error: expected }).positive({ error: expected });
const positiveInteger = (expected: string) => positive(expected).int({ error: expected });
const yesOrNo = z.boolean({ error: "true or false" });
const oneOrMore = (what: string) =>
  z.union([text(what), z.array(text(what), { error: `a list of ${what}` })], { error: `a list of ${what}` });

const elementEntry = z.union(
  [
    text("an element"),
    z.strictObject({
      name: text("an element's name"),
      version: text("a semver range, in quotes").optional().describe('A semver range, for example "^1.2".'),
      options: z
        .record(z.string(), z.unknown(), { error: "a map of options" })
        .optional()
        .describe("Options of a typed element."),
    }),
  ],
  { error: 'an element, as "vm", "vm@^1.2" or { name, version, options }' },
);

const variable = z.union(
  [
    z.string(),
    z.number(),
    z.boolean(),
    z
      .strictObject({ fromEnv: text("the name of an environment variable") })
      .describe("Secret: the value of a variable of the caller."),
    z
      .strictObject({ fromFile: text("a path") })
      .describe("Secret: the content of a file, relative to the config file."),
    z.strictObject({ secret: text("text") }).describe("Secret: never in a plan, a log or a manifest."),
  ],
  { error: "text, a number, true, false, { fromEnv }, { fromFile } or { secret }" },
);

const size = "a positive number";
const settingsShape = {
  elements: z
    .union([text("elements"), z.array(elementEntry, { error: "a list of elements" })], { error: "a list of elements" })
    .optional()
    .describe('The elements of the image: "debian vm", or a list of "vm", "vm@^1.2" and { name, version, options }.'),
  options: z
    .record(z.string(), z.record(z.string(), z.unknown(), { error: "a map of options" }), {
      error: "a map from element to options",
    })
    .optional()
    .describe("Options of typed elements, by element."),
  arch: text("an architecture")
    .optional()
    .describe("The image's architecture, as Debian names it. @default that of this machine"),
  output: text("a file name without an ending")
    .optional()
    .describe('IMAGE_NAME, may contain folders. @default "image", or the name in `images`'),
  formats: oneOrMore("formats").optional().describe('Output formats. @default ["qcow2"]'),
  packages: oneOrMore("packages")
    .optional()
    .describe("Packages of the distribution to install after the install phase."),
  base: yesOrNo.optional().describe("Whether the element `base` is added. @default true"),
  ramdisk: yesOrNo.optional().describe("Build a ramdisk. @default false"),
  ramdiskElement: text("an element").optional().describe('The main element of a ramdisk. @default "ramdisk"'),
  environment: z
    .record(z.string(), variable, { error: "a map from variable to value" })
    .optional()
    .describe("Variables for scripts, unless the caller's environment sets them."),
  checksum: z
    .union([yesOrNo, oneOrMore("md5 and sha256")], { error: "true, false, or a list of md5 and sha256" })
    .optional()
    .describe("Checksum files beside the outputs; true means md5 and sha256. @default false"),
  imageSizeGiB: positive(size).optional().describe("Size of the whole disk in GiB. @default computed from the content"),
  imageExtraSizeMiB: positive(size).optional().describe("MiB added to the content instead of the usual share."),
  mkfsOptions: text("options of mkfs").optional().describe("Options for mkfs of the root file system."),
  mkfsJournalSizeMiB: positiveInteger("a positive whole number")
    .optional()
    .describe("Journal of ext4 in MiB. @default 64"),
  maxOnlineResize: positiveInteger("a positive whole number")
    .optional()
    .describe("Blocks that the root file system may grow to online."),
  rootLabel: text("a label")
    .optional()
    .describe('Label of the root file system. @default "cloudimg-rootfs", xfs: "img-rootfs"'),
  fsType: text("a file system")
    .optional()
    .describe('The root file system where the layout leaves it open. @default "ext4"'),
  blockDevice: z
    .union([text("a path or a list of nodes"), z.array(z.record(z.string(), z.unknown()))], {
      error: "a path or a list of nodes",
    })
    .optional()
    .describe("The disk's layout: a YAML file, relative to the config file, or the list itself."),
  sectorSizeBytes: z
    .union([z.literal(512), z.literal(4096)], { error: "512 or 4096" })
    .optional()
    .describe("Sector size of the disk. @default 512"),
  tmpfs: z
    .union([yesOrNo, z.strictObject({ minGiB: positiveInteger("a positive whole number") })], {
      error: "true, false or { minGiB }",
    })
    .optional()
    .describe("Build in memory when there is enough: twice `minGiB`. @default { minGiB: 2 }"),
  qcow2Compression: z
    .enum(["zstd", "zlib", "none"], { error: "zstd, zlib or none" })
    .optional()
    .describe('@default "zstd"'),
  qemuImgOptions: z
    .union(
      [
        text("KEY=VALUE,…"),
        z.record(z.string(), z.union([z.string(), z.number(), z.boolean()], { error: "text or a number" })),
      ],
      {
        error: "a map, or KEY=VALUE,…",
      },
    )
    .optional()
    .describe("Options of `qemu-img convert -o`."),
  gzipProgram: text("a program")
    .optional()
    .describe('Makes a tgz, called with -9. @default "pigz" where it is there, else "gzip"'),
  dockerTarget: text("REPOSITORY:TAG")
    .optional()
    .describe("Name of the container image of docker, oci and oci-dir. @default the name of the output"),
  aciManifest: text("a path").optional().describe("Image manifest of an aci, a JSON file. @default a plain one"),
  installType: text("source or package")
    .optional()
    .describe('How elements install what they can install in several ways. @default "source"'),
  offline: yesOrNo.optional().describe("Asks elements not to refresh what is cached. @default false"),
  breaks: oneOrMore("break points").optional().describe("before-PHASE, after-PHASE, after-error."),
  shellOnError: yesOrNo.optional().describe("Opens a shell where the build failed. @default false"),
  debugTrace: z
    .number({ error: "0, 1 or 2" })
    .int({ error: "0, 1 or 2" })
    .min(0, { error: "0, 1 or 2" })
    .optional()
    .describe("@default 0"),
  overwriteOldImage: yesOrNo
    .optional()
    .describe("Replaces an older output instead of keeping it aside. @default false"),
  keep: yesOrNo
    .optional()
    .describe(
      "Keeps the work folders, on disk; the tree is in `tree/upper` of dib_build, and no layer is used. @default false",
    ),
  cacheDir: text("a folder").optional().describe("Where downloads and layers are kept."),
  layers: z
    .enum(["use", "refresh", "none"], { error: "use, refresh or none" })
    .optional()
    .describe("Whether results of phases are taken from earlier builds; `refresh` only keeps new ones. @default use"),
  cacheFrom: text("a folder")
    .optional()
    .describe(
      "Where results of phases are looked for that the own store has not; as `cacheTo` of another build left them.",
    ),
  cacheTo: text("a folder").optional().describe("Gets the results of phases that the build used or made, packed."),
  lockDir: text("a folder").optional().describe("DIB_LOCKFILES: where elements put their lock files."),
  tmpDir: text("a folder").optional().describe("Parent of the work folders. @default $TMPDIR, else /var/tmp"),
};

const writtenSettings = z.strictObject(settingsShape, { error: "a map of settings" });

export const writtenConfig = z.strictObject(
  {
    $schema: z.string().optional(),
    ...settingsShape,
    elementPaths: z
      .array(text("folders"), { error: "a list of folders" })
      .optional()
      .describe("Folders with elements, relative to the config file; searched after ELEMENTS_PATH."),
    plugins: z
      .array(text("modules"), { error: "a list of modules" })
      .optional()
      .describe(
        "Modules that tap hooks: paths relative to the config file, or packages. Their default export is a function of the hooks.",
      ),
    images: z
      .record(z.string(), writtenSettings, { error: "a map from image to settings" })
      .optional()
      .describe("Several images; what is written beside `images` is their default."),
  },
  { error: "a map of settings" },
);

/** The settings of one image, as a person writes them. */
export type WrittenSettings = z.input<typeof writtenSettings>;
/** A whole dib.config file. */
export type WrittenConfig = z.input<typeof writtenConfig>;

export const topLevelKeys: readonly string[] = Object.keys(writtenConfig.shape);
export const imageKeys: readonly string[] = Object.keys(settingsShape);

/** The JSON Schema for editors, schema/dib.config.schema.json; draft 7, which all of them know. */
export function writtenConfigSchema(): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(writtenConfig, { io: "input", target: "draft-7" });
  return { $schema, title: "dib.config", description: "What dibjs builds.", ...schema };
}
