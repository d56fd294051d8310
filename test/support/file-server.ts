import { createHash } from "node:crypto";
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join, normalize } from "node:path";

/** What goes wrong with one answer. */
export interface Fault {
  readonly status?: number;
  /** The connection is cut after so many bytes of the body, though the headers promise all of it. */
  readonly cutAfterBytes?: number;
  /** Sent instead of the file. */
  readonly body?: string;
  /** The file was replaced on the server: another ETag. */
  readonly etag?: string;
}

export interface Request {
  readonly method: string;
  readonly path: string;
  readonly range: string | undefined;
}

/** Files of a folder over HTTP on loopback. */
export interface FileServer extends AsyncDisposable {
  /** Without a slash at the end. */
  readonly url: string;
  /** All so far, oldest first. */
  readonly requests: readonly Request[];
}

/** `fault` is asked for every request; `attempt` counts those of the same path from 1. */
export async function serveFolder(
  folder: string,
  fault?: (path: string, attempt: number) => Fault | undefined,
): Promise<FileServer> {
  const requests: Request[] = [];
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url ?? "/", "http://loopback").pathname));
    requests.push({ path, method: request.method ?? "", range: request.headers.range });
    const attempt = requests.filter((each) => each.path === path).length;
    answer(join(folder, path), request, response, fault?.(path, attempt) ?? {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const dispose = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    [Symbol.asyncDispose]: dispose,
  };
}

function answer(file: string, request: IncomingMessage, response: ServerResponse, fault: Fault): void {
  if (fault.status !== undefined || !existsSync(file) || !statSync(file).isFile()) {
    response.writeHead(fault.status ?? 404).end("not here\n");
    return;
  }
  if (fault.body !== undefined) {
    response.writeHead(200, { "content-length": Buffer.byteLength(fault.body) }).end(fault.body);
    return;
  }
  const { size, mtimeMs } = statSync(file);
  const etag = fault.etag ?? `"${createHash("sha1").update(`${file} ${size} ${mtimeMs}`).digest("hex")}"`;
  const start = rangeStart(request, etag, size);
  const headers = { etag, "accept-ranges": "bytes", "content-length": size - start };
  response.writeHead(
    start > 0 ? 206 : 200,
    start > 0 ? { ...headers, "content-range": `bytes ${start}-${size - 1}/${size}` } : headers,
  );
  if (request.method === "HEAD") {
    response.end();
    return;
  }
  if (fault.cutAfterBytes === undefined) {
    createReadStream(file, { start }).pipe(response);
    return;
  }
  const end = Math.min(size, start + fault.cutAfterBytes) - 1;
  createReadStream(file, { start, end })
    .on("data", (chunk) => response.write(chunk))
    .on("end", () => {
      // A client drops what it has not yet read when the connection breaks: give it time to read.
      setTimeout(() => response.socket?.destroy(), 200);
    });
}

/** 0 unless a valid range of this very version was asked for. */
function rangeStart({ headers }: IncomingMessage, etag: string, size: number): number {
  const [, start] = /^bytes=(\d+)-$/.exec(headers.range ?? "") ?? [];
  const isSame = headers["if-range"] === undefined || headers["if-range"] === etag;
  return start !== undefined && isSame && Number(start) < size ? Number(start) : 0;
}
