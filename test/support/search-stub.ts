import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** Answers as npm's search endpoint does, which verdaccio's does not; the queries come in `asked`. */
export async function searchStub(
  packages: readonly { readonly name: string; readonly version: string; readonly description: string }[],
): Promise<AsyncDisposable & { readonly url: string; readonly asked: readonly string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://loopback");
    if (url.pathname !== "/-/v1/search") return void response.writeHead(404).end("{}");
    asked.push(url.searchParams.get("text") ?? "");
    const objects = packages.map((each) => ({
      package: { ...each, keywords: ["dib-element"], date: "2026-01-01T00:00:00.000Z", links: {}, maintainers: [] },
      score: { final: 1, detail: { quality: 1, popularity: 1, maintenance: 1 } },
      searchScore: 1,
    }));
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ objects, total: objects.length, time: "now" }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    asked,
    async [Symbol.asyncDispose]() {
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}
