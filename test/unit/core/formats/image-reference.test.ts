import { imageReference } from "@dibjs/core/formats/image-reference.js";
import { compressorCommand } from "@dibjs/core/formats/tar.js";
import { expect, test } from "vitest";

test.each([
  [undefined, "out/Debian 12", "debian-12:latest"],
  [undefined, "/tmp/___", "image:latest"],
  [undefined, "image.v1", "image-v1:latest"],
  ["team/image", "out/x", "team/image:latest"],
  ["registry:5000/image", "out/x", "registry:5000/image:latest"],
  ["registry:5000/image:1", "out/x", "registry:5000/image:1"],
])("--docker-target %s of the output %s is %s", (target, output, expected) => {
  expect(imageReference(target, output)).toBe(expected);
});

test.each([
  ["gzip", "gzip -n -6"],
  ["/usr/bin/pigz -p 2", "/usr/bin/pigz -p 2 -n -6"],
  ["zopfli", "zopfli -9"],
])("DIB_GZIP_BIN=%s is called as %s", (program, expected) => {
  expect(compressorCommand(program)).toBe(expected);
});
