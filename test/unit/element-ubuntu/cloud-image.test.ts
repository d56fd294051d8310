import { utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { addCloudImage, findSum, locateCloudImage } from "@dibjs/element-ubuntu/cloud-image.js";
import { findPackage, trustedKeys } from "@dibjs/element-ubuntu/keyring.js";
import { serveFolder } from "../../support/file-server.js";
import { tempFolder } from "../../support/temp-folder.js";

const sum = "a".repeat(64);

describe("the cloud image", () => {
  test("is the release's root tarball on Ubuntu's server, kept under DIB's name in the cache", () => {
    expect(locateCloudImage({ DIB_RELEASE: "jammy", ARCH: "arm64", DIB_IMAGE_CACHE: "/cache" })).toEqual({
      url: "https://cloud-images.ubuntu.com/jammy/current/jammy-server-cloudimg-arm64-root.tar.xz",
      name: "jammy-server-cloudimg-arm64-root.tar.xz",
      sums: "https://cloud-images.ubuntu.com/jammy/current/SHA256SUMS",
      cachedSums: "/cache/SHA256SUMS.ubuntu.jammy.arm64",
      cached: "/cache/jammy-server-cloudimg-arm64-root.tar.xz",
    });
  });

  test("comes from where DIB's variables say, and its checksums too", () => {
    const env = {
      DIB_CLOUD_IMAGES: "http://mirror/images/",
      BASE_IMAGE_FILE: "x.squashfs",
      SHA256SUMS: "https://sums/S",
      ARCH: "x86_64",
    };
    expect(locateCloudImage(env)).toMatchObject({
      url: "http://mirror/images/x.squashfs",
      sums: "https://sums/S",
      cachedSums: "SHA256SUMS.ubuntu.noble.amd64",
    });
    expect(locateCloudImage({ ...env, SHA256SUMS: "" }).sums).toBe("http://mirror/images/SHA256SUMS");
  });

  test("has the checksum of the line with exactly its name", () => {
    const sums = `${"b".repeat(64)} *image.tar.xz.old\n${sum} *image.tar.xz\nnot a sum image.tar.xz\n`;
    expect(findSum(sums, "image.tar.xz")).toBe(sum);
    expect(findSum(sums.replace("*image.tar.xz\n", " image.tar.xz\n"), "image.tar.xz")).toBe(sum);
    expect(findSum(sums, "image")).toBeUndefined();
  });
});

describe("what a root of the cloud image depends on", () => {
  const added = async (env: Record<string, string>) => {
    const values: Record<string, string> = {};
    await addCloudImage({ phase: "root", env, add: (key, value) => void (values[key] = value) });
    return values;
  };

  test("is the checksum that the server has now", async () => {
    await using temp = await tempFolder();
    await writeFile(join(temp.path, "SHA256SUMS"), `${sum} *noble-server-cloudimg-amd64-root.tar.xz\n`);
    await using server = await serveFolder(temp.path);
    const env = { DIB_CLOUD_IMAGES: server.url, DIB_IMAGE_CACHE: join(temp.path, "cache") };
    expect(await added(env)).toEqual({ [`cloud image ${server.url}/SHA256SUMS`]: sum });
  });

  test("is unknown when the server has none", async () => {
    await using temp = await tempFolder();
    await using server = await serveFolder(temp.path);
    const env = { DIB_CLOUD_IMAGES: server.url, DIB_IMAGE_CACHE: join(temp.path, "cache") };
    expect(Object.values(await added(env))).toEqual(["unknown"]);
  });

  test("is size and date of a local image", async () => {
    await using temp = await tempFolder();
    const image = join(temp.path, "image.tar");
    await writeFile(image, "four");
    await utimes(image, 5, 5);
    expect(await added({ DIB_LOCAL_IMAGE: image })).toEqual({ [`cloud image ${image}`]: "4 5000" });
  });
});

describe("the keyring package", () => {
  const index = `Package: ubuntu-keyring-udeb\nFilename: pool/u.udeb\nSHA256: ${"b".repeat(64)}\n\nPackage: ubuntu-keyring\nVersion: 1\nFilename: pool/k.deb\nSHA256: ${sum}\n\n`;

  test("is found by its exact name in a Packages index", () => {
    expect(findPackage(index, "ubuntu-keyring")).toEqual({ path: "pool/k.deb", sha256: sum });
    expect(findPackage(index, "keyring")).toBeUndefined();
  });

  test("is searched for pinned keys, or for those of DIB_UBUNTU_KEY_FINGERPRINTS instead", () => {
    expect(trustedKeys("archive", {})).toEqual([
      "F6ECB3762474EDA9D21B7022871920D1991BC93C",
      "790BC7277767219C42C86F933B4FE6ACC0B21F32",
    ]);
    expect(trustedKeys("cloudimage", {})).toEqual(["D2EB44626FDDC30B513D5BB71A5D6C4C7DB87C81"]);
    expect(trustedKeys("cloudimage", { DIB_UBUNTU_KEY_FINGERPRINTS: " AA, BB\n" })).toEqual(["AA", "BB"]);
  });
});
