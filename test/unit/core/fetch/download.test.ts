import { createHash, randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { download } from "@dibjs/core/fetch/download.js";
import { createExec } from "@dibjs/core/process/exec.js";
import { serveFolder, type Fault } from "../../../support/file-server.js";
import { tempFolder } from "../../../support/temp-folder.js";

const exec = createExec();
const content = randomBytes(200_000);
const sha256 = createHash("sha256").update(content).digest("hex");

let served: string;
let file: string;
let folder: string;

beforeEach(async () => {
  const temp = await tempFolder();
  onTestFinished(() => temp[Symbol.asyncDispose]());
  served = join(temp.path, "served");
  folder = join(temp.path, "cache");
  file = join(folder, "image");
  await mkdir(served);
  await writeFile(join(served, "image"), content);
});

async function serve(fault?: (path: string, attempt: number) => Fault | undefined) {
  const server = await serveFolder(served, fault);
  onTestFinished(() => server[Symbol.asyncDispose]());
  return { server, url: `${server.url}/image` };
}

/** Where exactly depends on what was read when the connection broke. */
const resumed: unknown = expect.stringMatching(/^bytes=[1-9]\d*-$/);

const inCache = async () => (await readdir(folder)).filter((name) => !name.endsWith(".lock")).sort();
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "none",
    (error: { code: string }) => error.code,
  );

describe("download", () => {
  test("puts the file in place whole, and nothing beside it", async () => {
    const { url } = await serve();
    expect(await download({ url, file, sha256 }, exec)).toEqual({
      file,
      sizeBytes: 200_000,
      sha256,
      transferredBytes: 200_000,
    });
    expect(await readFile(file)).toEqual(content);
    expect(await inCache()).toEqual(["image"]);
  });

  test("does not ask for a file that is there with the right checksum", async () => {
    const { url, server } = await serve();
    await mkdir(folder);
    await writeFile(file, content);
    expect((await download({ url, file, sha256 }, exec)).transferredBytes).toBe(0);
    expect(server.requests).toEqual([]);
  });

  test("goes on where the connection was cut, if the file is still the same", async () => {
    const { url, server } = await serve((_, attempt) => (attempt === 1 ? { cutAfterBytes: 50_000 } : undefined));
    expect((await download({ url, file, sha256 }, exec)).transferredBytes).toBe(200_000);
    expect(server.requests.map(({ range }) => range)).toEqual([undefined, resumed]);
    expect(await readFile(file)).toEqual(content);
  });

  test("starts again when the file was replaced in between", async () => {
    const { url } = await serve((_, attempt) => (attempt === 1 ? { cutAfterBytes: 50_000, etag: '"old"' } : undefined));
    await download({ url, file, sha256 }, exec);
    expect(await readFile(file)).toEqual(content);
  });

  test("a download that is cut every time is FETCH_TRUNCATED, and a later one resumes it", async () => {
    const { url, server } = await serve((_, attempt) => (attempt <= 4 ? { cutAfterBytes: 1000 } : undefined));
    await expect(download({ url, file, sha256 }, exec)).rejects.toMatchObject({
      code: "FETCH_TRUNCATED",
      context: { gotBytes: expect.any(Number) as number, expectedBytes: 200_000 },
    });
    expect(await inCache()).toEqual(["image.part", "image.part.from"]);
    await download({ url, file, sha256 }, exec);
    expect(server.requests.at(-1)?.range).toEqual(resumed);
    expect(await readFile(file)).toEqual(content);
  });

  test.each(["", '{"url":', "null"])("starts anew when a power loss left %j of what a part is of", async (left) => {
    const { url, server } = await serve();
    await mkdir(folder);
    await writeFile(`${file}.part`, content.subarray(0, 1000));
    await writeFile(`${file}.part.from`, left);
    await download({ url, file, sha256 }, exec);
    expect(server.requests.map(({ range }) => range)).toEqual([undefined]);
    expect(await readFile(file)).toEqual(content);
  });

  test("the user and password of an address are neither told nor left on disk, and a part is resumed with other ones", async () => {
    const { url, server } = await serve((_, attempt) => (attempt <= 4 ? { cutAfterBytes: 1000 } : undefined));
    const withPassword = (password: string) => url.replace("://", `://user:${password}@`);
    const failure = await download({ url: withPassword("secret1"), file, sha256 }, exec).catch(String);
    expect(failure).toContain(`${url} ended after`);
    expect(failure).not.toContain("secret1");
    expect(await readFile(`${file}.part.from`, "utf8")).toContain(`"${url}"`);
    await download({ url: withPassword("secret2"), file, sha256 }, exec);
    expect(server.requests.at(-1)?.range).toEqual(resumed);
    const [wrong, missing] = [await serve(() => ({ body: "x" })), await serve(() => ({ status: 404 }))];
    for (const { url: other } of [wrong, missing]) {
      const refused = download({ url: other.replace("://", "://user:secret1@"), file, sha256: "0" }, exec);
      expect(await refused.catch(String)).toContain(other);
    }
  });

  test("a wrong checksum is fetched once more past proxies, then is FETCH_CHECKSUM_WRONG and nothing stays", async () => {
    const { url, server } = await serve(() => ({ body: "a page of a captive portal" }));
    expect(await codeOf(download({ url, file, sha256 }, exec))).toBe("FETCH_CHECKSUM_WRONG");
    expect(server.requests).toHaveLength(2);
    expect(await inCache()).toEqual([]);
  });

  test("a stale copy from a proxy is replaced by the fresh one", async () => {
    const { url } = await serve((_, attempt) => (attempt === 1 ? { body: "old" } : undefined));
    await download({ url, file, sha256 }, exec);
    expect(await readFile(file)).toEqual(content);
  });

  test("a missing file is FETCH_FAILED at once, a failing server after some tries", async () => {
    const missing = await serve(() => ({ status: 404 }));
    await expect(download({ url: missing.url, file, sha256 }, exec)).rejects.toMatchObject({
      code: "FETCH_FAILED",
      context: { reason: "HTTP 404" },
    });
    expect(missing.server.requests).toHaveLength(1);
    const failing = await serve((_, attempt) => (attempt < 3 ? { status: 503 } : undefined));
    await download({ url: failing.url, file, sha256 }, exec);
    expect(failing.server.requests).toHaveLength(3);
  });

  test("nobody listening is FETCH_FAILED", async () => {
    expect(await codeOf(download({ url: "http://127.0.0.1:9/image", file, sha256 }, exec))).toBe("FETCH_FAILED");
  });

  test("without a checksum a file is fetched anew each time", async () => {
    const { url, server } = await serve();
    await download({ url, file }, exec);
    await download({ url, file }, exec);
    expect(server.requests.map(({ range }) => range)).toEqual([undefined, undefined]);
  });

  test("goes through the proxy that the environment names, unless no_proxy says otherwise", async () => {
    const { url, server } = await serve();
    const http_proxy = "http://127.0.0.1:9";
    expect(await codeOf(download({ url, file, sha256, env: { http_proxy } }, exec))).toBe("FETCH_FAILED");
    expect(server.requests).toEqual([]);
    await download({ url, file, sha256, env: { http_proxy, no_proxy: "127.0.0.1" } }, exec);
    expect(server.requests).toHaveLength(1);
  });

  test("two at once fetch the file once", async () => {
    const { url, server } = await serve();
    await Promise.all([download({ url, file, sha256 }, exec), download({ url, file, sha256 }, exec)]);
    expect(server.requests).toHaveLength(1);
  });

  test("a file on this machine is copied and checked the same way", async () => {
    const url = pathToFileURL(join(served, "image")).href;
    await download({ url, file, sha256 }, exec);
    expect(await readFile(file)).toEqual(content);
    expect(await codeOf(download({ url, file: `${file}2`, sha256: "0".repeat(64) }, exec))).toBe(
      "FETCH_CHECKSUM_WRONG",
    );
  });
});
