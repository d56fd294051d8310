import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { probeHost, unreachable } from "../../support/reachability.js";

const servers: AsyncDisposable[] = [];
// A proxy of this host would answer for loopback.
beforeEach(() => {
  for (const name of ["http_proxy", "HTTP_PROXY"]) vi.stubEnv(name, undefined);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const server of servers.splice(0)) await server[Symbol.asyncDispose]();
});

/** Answers the root and everything else with one status each; returns an address below it. */
async function serve(root: number, rest: number): Promise<string> {
  const server = createServer((request, response) => {
    response.writeHead(request.url === "/" ? root : rest).end("x");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  servers.push({ [Symbol.asyncDispose]: () => new Promise((resolve) => void server.close(() => resolve())) });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/debian/dists/bookworm/InRelease`;
}

const failed = (url: string, code = "FETCH_FAILED") => [{ code, context: { url } }];

test.each([
  ["a wrong address on a mirror that is there", 200, 404],
  ["a mirror that has nothing at its root", 404, 404],
  ["a mirror that forbids one folder", 200, 403],
])("%s is a failure of ours", async (_, root, rest) => {
  expect(await unreachable(failed(await serve(root, rest)))).toEqual([]);
});

test.each([
  ["a proxy that lets nobody there", 403],
  ["a proxy that wants a password", 407],
  ["a gateway that gets no answer", 504],
])("%s: the mirror is not reachable", async (_, status) => {
  const url = await serve(status, status);
  expect(await unreachable(failed(url))).toEqual([url]);
});

test("nobody listening and a name that nobody has: the mirror is not reachable", async () => {
  const closed = await serve(200, 200);
  await servers.pop()?.[Symbol.asyncDispose]();
  expect(await probeHost(closed)).toBe("refused");
  expect(await probeHost("http://mirror.invalid/debian")).toBe("refused");
});

test("what was fetched and then refused, and what is no fetch at all, is a failure of ours, wherever it came from", async () => {
  const url = await serve(403, 403);
  expect(await unreachable(failed(url, "FETCH_CHECKSUM_WRONG"))).toEqual([]);
  expect(await unreachable([{ code: "SCRIPT_FAILED", context: { tail: "Could not resolve host" } }])).toEqual([]);
});
