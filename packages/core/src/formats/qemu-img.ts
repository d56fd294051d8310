/** What the formats that qemu-img writes share: how it is called, which options fit which format, how one is read back. */
import { nearest } from "../nearest.js";
import {
  defineFormat,
  type FormatProblem,
  type FormatRequest,
  type ImageFormat,
  type QemuImgOptions,
} from "./format.js";
import { checkOutput, runForFormat } from "./run-for-format.js";

export const qemuImg = { command: "qemu-img", debian: "qemu-utils", fedora: "qemu-img", opensuse: "qemu-img" } as const;

const splitOptions = (written: string): readonly string[] => written.split(",").filter(Boolean);

/** Of what was written as QEMU_IMG_OPTIONS, that which a format takes. */
export const fittingOptions = (written: string, known: QemuImgOptions): readonly string[] =>
  splitOptions(written).filter((option) => fits(option, known));

function fits(option: string, known: QemuImgOptions): boolean {
  const [name = "", value = ""] = option.split(/=(.*)/s);
  const values = Object.hasOwn(known, name) ? known[name] : undefined;
  return values === "any" || (values?.includes(value) ?? false);
}

/** Options that none of the formats takes. */
export function checkQemuImgOptions(written: string, formats: readonly ImageFormat[]): readonly FormatProblem[] {
  const converted = formats.flatMap(({ name, qemuImgOptions }) => (qemuImgOptions ? [{ name, qemuImgOptions }] : []));
  if (converted.length === 0) return [];
  return splitOptions(written)
    .filter((option) => !converted.some(({ qemuImgOptions }) => fits(option, qemuImgOptions)))
    .map((option) => ({ setting: "qemuImgOptions", value: option, ...whyNot(option, converted) }));
}

function whyNot(
  option: string,
  converted: readonly { readonly name: string; readonly qemuImgOptions: QemuImgOptions }[],
): { reason: string; hint: string } {
  const [name = ""] = option.split("=");
  const formats = converted.map((format) => format.name).join(", ");
  const values = converted.flatMap(({ qemuImgOptions }) => qemuImgOptions[name] ?? []);
  if (values.length > 0)
    return { reason: `${formats} can't be made with it.`, hint: `${name} may be ${values.join(", ")}.` };
  const known = [...new Set(converted.flatMap(({ qemuImgOptions }) => Object.keys(qemuImgOptions)))];
  const meant = nearest(name, known);
  const hint = meant === undefined ? `They take: ${known.join(", ")}.` : `Did you mean "${meant}"?`;
  return { reason: `qemu-img has no such option for ${formats}.`, hint };
}

interface Conversion {
  readonly name: string;
  /** As qemu-img names the format. */
  readonly driver: string;
  readonly extension?: string;
  readonly sizeMultipleBytes?: number;
  /** Ours, unless the user wrote others of the same name. */
  readonly defaults: Readonly<Record<string, string>>;
  readonly options: QemuImgOptions;
  readonly check?: NonNullable<ImageFormat["check"]>;
}

/** A format that is the raw image converted, and compared with it afterwards. */
export function convertedImage({
  name,
  driver,
  extension = name,
  defaults,
  options,
  ...more
}: Conversion): ImageFormat {
  return defineFormat({
    ...more,
    name,
    from: "disk",
    extension,
    hostCommands: [qemuImg],
    qemuImgOptions: options,
    async write(request) {
      const { image = "", staged, plan } = request;
      await convert(request, driver, withDefaults(fittingOptions(plan.settings.qemuImgOptions, options), defaults));
      await checkOutput(request, ["qemu-img", "compare", "-q", "-f", "raw", "-F", driver, image, staged]);
      return { files: [{ staged, extension }] };
    },
  });
}

export function withDefaults(
  written: readonly string[],
  defaults: Readonly<Record<string, string>>,
): readonly string[] {
  const isSet = (name: string) => written.some((option) => option.startsWith(`${name}=`));
  const ours = Object.entries(defaults).filter(([name]) => !isSet(name));
  return [...ours.map(([name, value]) => `${name}=${value}`), ...written];
}

export type ConvertRequest = Pick<FormatRequest, "format" | "image" | "changed" | "staged" | "exec" | "signal">;

export const convert = (
  request: ConvertRequest,
  driver: string,
  options: readonly string[],
  more: readonly string[] = [],
): Promise<void> => {
  const { changed, image = "", staged } = request;
  const [format, source] = changed === undefined ? ["raw", image] : ["qcow2", changed.changes];
  return runForFormat(request, [
    "qemu-img",
    "convert",
    ...["-f", format, "-O", driver, "-m", "16"],
    ...more,
    ...(options.length === 0 ? [] : ["-o", options.join(",")]),
    source,
    staged,
  ]);
};
