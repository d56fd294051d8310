import { expect, test } from "vitest";
import { builtInFormats } from "@dibjs/core/formats/built-in.js";
import { inWritingOrder } from "@dibjs/core/formats/export.js";
import { compression } from "@dibjs/core/formats/qcow2.js";
import { excludedPaths } from "@dibjs/core/formats/tar.js";

test.each([
  ["zstd", "", ["-c"], ["compression_type=zstd", "cluster_size=262144"]],
  ["zlib", "", ["-c", "-W"], []],
  ["none", "", [], []],
  ["zstd", "compat=0.10", ["-c", "-W"], ["compat=0.10"]],
  ["zstd", "compat=v2,preallocation=off", ["-c", "-W"], ["compat=v2", "preallocation=off"]],
  ["zstd", "cluster_size=65536", ["-c"], ["compression_type=zstd", "cluster_size=65536"]],
  ["zstd", "subformat=fixed", ["-c"], ["compression_type=zstd", "cluster_size=262144"]],
  ["zstd", "compression_type=zlib", ["-c", "-W"], ["compression_type=zlib"]],
  ["none", "compat=1.1", [], ["compat=1.1"]],
] as const)("qcow2 with compression %s and QEMU_IMG_OPTIONS=%s", (qcow2Compression, qemuImgOptions, flags, options) => {
  expect(compression({ qcow2Compression, qemuImgOptions })).toEqual({ flags, options });
});

test("archives leave out what lies in the kernel's folders and the lost+found of every file system", () => {
  expect(excludedPaths({ mountPoints: ["/", "/boot", "swap"] })).toEqual([
    "proc/*",
    "sys/*",
    "dev/*",
    "lost+found",
    "boot/lost+found",
  ]);
  expect(excludedPaths(undefined)).toEqual(["proc/*", "sys/*", "dev/*", "lost+found"]);
});

test("the format that takes the image away is written last, whatever was asked for first", () => {
  const outputs = [...builtInFormats]
    .reverse()
    .map(({ name, from, extension, consumesImage = false }) => ({ format: name, from, extension, consumesImage }));
  const written = inWritingOrder(outputs).map(({ format }) => format);
  expect([written.at(-1), written.filter((format) => format !== "raw")]).toEqual([
    "raw",
    outputs.map(({ format }) => format).filter((format) => format !== "raw"),
  ]);
});
