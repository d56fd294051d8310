import { addPackageInstalls, type PackageInstalls } from "@dibjs/element-base/package-installs.js";
import { expect } from "vitest";
import { vector } from "../../support/vectors.js";
import type { VectorId } from "./sources.js";

interface Row {
  readonly id: VectorId;
  readonly more?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** A file of each of several elements, in their order. */
  readonly files: readonly object[];
  /** What the install phase installs and then takes away, sorted; or why not. */
  readonly gives: { readonly install: readonly string[]; readonly uninstall?: readonly string[] } | RegExp;
}

/** A kernel for each architecture and release. */
const kernels = {
  "linux-image-generic": [
    { "not-arch": "arm64", when: "DIB_UBUNTU_KERNEL = linux-image-generic" },
    { arch: "arm64", when: ["DIB_RELEASE != xenial", "DIB_UBUNTU_KERNEL = linux-image-generic"] },
  ],
  "linux-generic-hwe-16.04": {
    arch: "arm64",
    when: ["DIB_RELEASE = xenial", "DIB_UBUNTU_KERNEL = linux-image-generic"],
  },
};
const kernelFor = (ARCH: string, DIB_RELEASE: string) => ({
  files: [kernels],
  env: { ARCH, DIB_RELEASE, DIB_UBUNTU_KERNEL: "linux-image-generic" },
});
const allOf = (...values: readonly string[]) => values.map((value, index) => `DIB_FEATURE_${index} = ${value}`);

const rows: readonly Row[] = [
  { id: "package-installs/simple", files: [{ one: "" }], gives: { install: ["one"] } },
  { id: "package-installs/simple", more: "with null", files: [{ one: null }], gives: { install: ["one"] } },
  {
    id: "package-installs/arch",
    env: { ARCH: "arm64" },
    files: [{ any: "", here: { arch: "arm64" }, elsewhere: { "not-arch": "arm64" } }],
    gives: { install: ["any", "here"] },
  },
  { id: "package-installs/list-x86-64", ...kernelFor("x86_64", "focal"), gives: { install: ["linux-image-generic"] } },
  {
    id: "package-installs/list-arm64-xenial",
    ...kernelFor("arm64", "xenial"),
    gives: { install: ["linux-generic-hwe-16.04"] },
  },
  {
    id: "package-installs/list-arm64-focal",
    ...kernelFor("arm64", "focal"),
    gives: { install: ["linux-image-generic"] },
  },
  {
    id: "package-installs/when",
    env: { DIB_FEATURE: "1" },
    files: [
      {
        equal: { when: "DIB_FEATURE=1" },
        other: { when: "DIB_FEATURE=0" },
        "not-other": { when: "DIB_FEATURE!=0" },
        "not-equal": { when: "DIB_FEATURE!=1" },
      },
    ],
    gives: { install: ["equal", "not-other"] },
  },
  { id: "package-installs/when-no-variable", files: [{ one: { when: "DIB_FEATURE=1" } }], gives: /DIB_FEATURE/ },
  {
    id: "package-installs/when-list",
    env: { DIB_FEATURE_0: "1", DIB_FEATURE_1: "1", DIB_FEATURE_2: "1" },
    files: [{ all: { when: allOf("1", "1", "1") }, "not-all": { when: allOf("1", "0", "1") } }],
    gives: { install: ["all"] },
  },
  {
    id: "package-installs/install-then-build-only",
    files: [{ one: "" }, { one: { "build-only": "true" } }],
    gives: { install: ["one", "one"], uninstall: [] },
  },
  {
    id: "package-installs/build-only-then-install",
    files: [{ one: { "build-only": "true" } }, { one: "" }],
    gives: { install: ["one", "one"], uninstall: [] },
  },
];

function squash({ files, env = {} }: Row) {
  const installs: PackageInstalls = {};
  for (const [index, file] of files.entries()) {
    const from = { element: `element-${index}`, file: "package-installs.json", text: JSON.stringify(file) };
    addPackageInstalls(installs, from, { DIB_DEFAULT_INSTALLTYPE: "source", ARCH: "amd64", ...env });
  }
  const { install = [], uninstall = [] } = installs["install.d"] ?? {};
  return { install: install.map(([name]) => name).sort(), uninstall: uninstall.map(([name]) => name).sort() };
}

for (const row of rows)
  vector(
    row.id,
    () => {
      const { gives } = row;
      if (gives instanceof RegExp)
        expect(() => squash(row)).toThrow(
          expect.objectContaining({
            code: "ELEMENT_FILE_INVALID",
            message: expect.stringMatching(gives) as string,
          }) as Error,
        );
      else expect(squash(row)).toEqual({ uninstall: [], ...gives });
    },
    row.more,
  );
