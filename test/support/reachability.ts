/** Whether a failed fetch is the network's doing or ours: a mirror that answers at its root was reached. */
import { EnvHttpProxyAgent, request } from "undici";

/** What a gateway or a filter on the way answers in a server's place. */
const onTheWay: ReadonlySet<number> = new Set([403, 407, 502, 503, 504]);

const timeoutMs = 20_000;

/**
 * "refused" when name, connection or proxy refuse, or everything on the host is forbidden, as by a proxy that lets nobody
 * there. Proxies are those of the environment.
 */
export async function probeHost(url: string): Promise<"answers" | "refused"> {
  const dispatcher = new EnvHttpProxyAgent();
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const { statusCode, body } = await request(new URL("/", url), { dispatcher, signal });
    await body.dump();
    return onTheWay.has(statusCode) ? "refused" : "answers";
  } catch (error) {
    // No name, no connection, no answer in time. Who shows a certificate was reached.
    return /CERT|SSL|TLS|UNABLE_TO_/.test((error as NodeJS.ErrnoException).code ?? "") ? "answers" : "refused";
  } finally {
    await dispatcher.destroy();
  }
}

interface Failure {
  readonly code?: string;
  readonly context?: unknown;
}

/** Addresses whose fetch failed, of the errors of a `--json` envelope. */
export function failedFetches(errors: readonly Failure[]): readonly string[] {
  const urls = errors.map(({ code, context }) =>
    code === "FETCH_FAILED" ? (context as { readonly url?: unknown } | undefined)?.url : undefined,
  );
  return urls.filter((url): url is string => typeof url === "string" && /^https?:/.test(url));
}

/** Addresses that could not be fetched because nobody answers for their hosts. Empty: the failure is one of ours. */
export async function unreachable(errors: readonly Failure[]): Promise<readonly string[]> {
  const probed = failedFetches(errors).map(async (url) => ({ url, host: await probeHost(url) }));
  return (await Promise.all(probed)).flatMap(({ url, host }) => (host === "refused" ? [url] : []));
}
