/** What an image definition may have, in the order in which the arguments are given: names and values are diskimage-builder's. */

export interface Property {
  readonly key: string;
  /** What the help says it is for. */
  readonly about: string;
  /** What the help and messages say its value may be. */
  readonly expected: string;
  /** The same of one item of a list, or one value of a map. */
  readonly expectedOfPart?: string;
  readonly isValid: (value: unknown) => boolean;
  /** Of a valid value. */
  readonly toArguments: (value: never) => readonly string[];
  /** For a value that was evidently meant otherwise. */
  readonly hint?: (value: unknown) => string | undefined;
}

const architectures = "aarch64 amd64 arm64 armhf powerpc ppc64 ppc64el ppc64le s390x x86_64".split(" ");
/** DIB's, then ours. */
const formats = "qcow2 tar tgz squashfs vhd docker aci raw vhdx vmdk vdi iso oci vhd-fixed oci-dir".split(" ");

/** A process can be handed all text but this. */
const isText = (value: unknown): value is string => typeof value === "string" && !value.includes("\0");
const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" &&
  value !== null &&
  !Array.isArray(value) &&
  Object.getPrototypeOf(value) === Object.prototype;
const isOneOf = (known: readonly string[]) => (value: unknown) => isText(value) && known.includes(value);

type Described = Pick<Property, "key" | "about">;

const hintOfText = (value: unknown): string | undefined =>
  ["number", "boolean"].includes(typeof value)
    ? "Put it in quotes: without them YAML takes it for something else."
    : undefined;

const text = (option: string, described: Described): Property => ({
  ...described,
  expected: "text",
  isValid: isText,
  toArguments: (value: string) => (value === "" ? [] : [option, value]),
  hint: hintOfText,
});

const choice = (option: string, known: readonly string[], described: Described): Property => ({
  ...described,
  expected: `one of ${known.join(", ")}`,
  isValid: isOneOf(known),
  toArguments: (value: string) => [option, value],
});

/** Without an option it says something to diskimage-builder itself. */
const flag = (option: string | undefined, described: Described): Property => ({
  ...described,
  expected: "true or false",
  isValid: (value) => typeof value === "boolean",
  toArguments: (value: boolean) => (value && option !== undefined ? [option] : []),
});

const repeated = (option: string, most: number, described: Described): Property => {
  const known = Array.from({ length: most + 1 }, (_, index) => index);
  return {
    ...described,
    expected: `one of ${known.join(", ")}`,
    isValid: (value) => known.includes(value as number),
    toArguments: (value: number) => Array<string>(value).fill(option),
  };
};

const integer = (option: string, described: Described): Property => ({
  ...described,
  expected: "a whole number of 1 or more",
  isValid: (value) => Number.isSafeInteger(value) && (value as number) >= 1,
  toArguments: (value: number) => [option, String(value)],
});

const list = (
  option: string | undefined,
  of: string,
  isItem: (item: unknown) => boolean,
  described: Described,
): Property => ({
  ...described,
  expected: `a list of ${of}`,
  expectedOfPart: option === "-t" ? `one of ${of}` : "text",
  isValid: (value) => Array.isArray(value) && value.every(isItem),
  toArguments: (value: readonly string[]) =>
    option === undefined ? value : value.length === 0 ? [] : [option, value.join(",")],
  hint: (value) =>
    Array.isArray(value)
      ? value.map(hintOfText).find(Boolean)
      : isText(value)
        ? `Write it as a list: [${value}].`
        : undefined,
});

const isTextMap = (value: unknown): boolean => isMap(value) && Object.values(value).every(isText);
const hintOfMap = (value: unknown): string | undefined =>
  isMap(value) ? Object.values(value).map(hintOfText).find(Boolean) : undefined;

const pairs = (option: string, described: Described): Property => ({
  ...described,
  expected: "a map of text",
  expectedOfPart: "text",
  isValid: isTextMap,
  toArguments: (value: Readonly<Record<string, string>>) => {
    const joined = Object.entries(value).map(([name, each]) => `${name}=${each}`);
    return joined.length === 0 ? [] : [option, joined.join(",")];
  },
  hint: hintOfMap,
});

const environment: Property = {
  key: "environment",
  about: "Variables of this build, beside the caller's; they win.",
  expected: "a map of text",
  expectedOfPart: "text, under the name of a variable",
  isValid: (value) => isTextMap(value) && Object.keys(value as object).every((name) => /^[^=\s\0]+$/.test(name)),
  toArguments: () => [],
  hint: hintOfMap,
};

export const properties: readonly Property[] = [
  text("-o", { key: "imagename", about: "Name of the image, folders allowed; entries of one name are one image." }),
  choice("-a", architectures, { key: "arch", about: "Architecture of the image." }),
  list("-t", formats.join(", "), isOneOf(formats), { key: "types", about: "Output formats." }),
  environment,
  flag(undefined, { key: "ramdisk", about: "Build a ramdisk, with ramdisk-image-create." }),
  repeated("-x", 2, { key: "debug-trace", about: "How much scripts trace, 0 for nothing." }),
  flag("-u", { key: "uncompressed", about: "Do not compress qcow2: larger, and made faster." }),
  flag("-c", { key: "clear", about: "Begin with an empty environment." }),
  text("--logfile", { key: "logfile", about: "File that the log is appended to." }),
  flag("--checksum", { key: "checksum", about: "Write md5 and sha256 files." }),
  integer("--image-size", { key: "image-size", about: "Size of the disk in GiB." }),
  integer("--image-extra-size", { key: "image-extra-size", about: "MiB that are added to the computed size." }),
  text("--image-cache", { key: "image-cache", about: "Folder of the cache." }),
  integer("--max-online-resize", {
    key: "max-online-resize",
    about: "Blocks that the root file system can grow to while it is mounted.",
  }),
  integer("--min-tmpfs", { key: "min-tmpfs", about: "GiB of memory that there must be to build in it." }),
  integer("--mkfs-journal-size", { key: "mkfs-journal-size", about: "Journal of the root file system in MiB." }),
  text("--mkfs-options", { key: "mkfs-options", about: "Options of mkfs for the root file system." }),
  flag("--no-tmpfs", { key: "no-tmpfs", about: "Never build in memory." }),
  flag("--offline", { key: "offline", about: "Elements use what they have in the cache." }),
  pairs("--qemu-img-options", { key: "qemu-img-options", about: "Options of qemu-img convert." }),
  text("--root-label", { key: "root-label", about: "Label of the root file system." }),
  text("--ramdisk-element", { key: "ramdisk-element", about: "Element that makes the ramdisk." }),
  choice("--install-type", ["source", "package"], {
    key: "install-type",
    about: "How elements install what they can install in several ways.",
  }),
  text("--docker-target", { key: "docker-target", about: "Repository and tag of a docker image." }),
  list("-p", "packages", isText, { key: "packages", about: "Packages to install, once the elements have theirs." }),
  flag("-n", { key: "skip-base", about: "Leave the element base out." }),
  list(undefined, "elements", isText, { key: "elements", about: "The elements of the image." }),
];
