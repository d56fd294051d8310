/** What a build tells about itself when it is done; the JSON Schema of `NAME.report.json` is made from this. */
import { z } from "zod";

const count = z.number().int().nonnegative();
const seconds = z.number().nonnegative();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const artifact = z
  .strictObject({
    format: z.string(),
    path: z.string().describe("Absolute path under its final name."),
    sizeBytes: count,
    digests: z.record(z.string(), z.string()).describe("Lower-case hex by algorithm; sha256 is always there."),
    sideFiles: z.array(z.string()).describe("Side files written with it: checksums, manifests. Absolute paths."),
  })
  .describe("A published file.");

const scriptReport = z.strictObject({
  script: z.string(),
  element: z.string(),
  kind: z.enum(["shell", "typescript"]),
  seconds,
  outcome: z.enum(["done", "skipped", "failed"]),
});

const phaseReport = z.strictObject({
  phase: z.string(),
  seconds,
  scripts: z.array(scriptReport),
  restored: z
    .strictObject({ layer: z.string().describe("Its name in the store."), createdAt: z.string().describe("ISO 8601.") })
    .optional()
    .describe("Nothing ran: the result is that of an earlier build."),
  fingerprint: sha256.optional().describe("Of what elements said the phase's result depends on; tree phases only."),
});

const disk = z.strictObject({
  origin: z.string().describe("Where its layout comes from."),
  rootLabel: z.string(),
  rootFsType: z.string(),
  mountPoints: z.array(z.string()),
  sizeBytes: count,
  partitions: z.array(z.strictObject({ name: z.string(), sizeBytes: count, offsetBytes: count })),
  fileSystems: z.array(
    z.strictObject({
      name: z.string(),
      type: z.string(),
      label: z.string(),
      uuid: z.string(),
      mountPoint: z.string().optional(),
    }),
  ),
});

const aptSuite = z
  .strictObject({
    suite: z.string().describe("Origin and suite, whatever mirror it came from: `Debian bookworm-updates`."),
    date: z.string().describe("As the file says it."),
    sha256: sha256.describe("Of the file."),
  })
  .describe("One suite of an apt source, as its (In)Release file had it when packages were installed.");

const sources = z
  .strictObject({
    files: z.array(z.strictObject({ url: z.string(), sizeBytes: count, sha256 })),
    git: z.array(z.strictObject({ url: z.string(), ref: z.string(), commit: z.string() })),
    apt: z.array(aptSuite),
  })
  .describe("What came from outside. Sorted; addresses without users, passwords and secrets.");

export const reportShape = z
  .strictObject({
    version: z.literal(1),
    image: z.string(),
    arch: z.string(),
    planDigest: sha256,
    startedAt: z.string().describe("ISO 8601."),
    seconds,
    elements: z.array(
      z.strictObject({
        name: z.string(),
        version: z.string(),
        source: z.string(),
        package: z.string().optional(),
        digest: z.string(),
      }),
    ),
    phases: z.array(phaseReport),
    stages: z
      .record(z.string(), seconds)
      .describe("Seconds of the engine's other stages by name: workspace, generateHooks, mkfs, copy, format:qcow2, …"),
    peakBytes: z.strictObject({ worker: count, front: count }).describe("Peak resident memory of our two processes."),
    disk: disk.optional().describe("Absent when all outputs are made of the tree."),
    sources,
    packages: z
      .array(z.strictObject({ name: z.string(), version: z.string(), arch: z.string() }))
      .describe("Installed packages as the image's package manager lists them."),
    artifacts: z.array(artifact),
  })
  .describe("Everything a build did.");

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;

export type Artifact = DeepReadonly<z.infer<typeof artifact>>;
export type AptSuite = DeepReadonly<z.infer<typeof aptSuite>>;
export type ScriptReport = DeepReadonly<z.infer<typeof scriptReport>>;
export type PhaseReport = DeepReadonly<z.infer<typeof phaseReport>>;
export type BuildReport = DeepReadonly<z.infer<typeof reportShape>>;

/** schema/report.schema.json: whoever reads `NAME.report.json` may rely on it. */
export function reportSchema(): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(reportShape, { target: "draft-7" });
  return { $schema, title: "dib report", ...schema };
}
