import type { Dispatcher } from "undici";

/** What connections are made with: through the proxies of an environment, redirects followed. Loaded with the first: undici takes longer to load than most commands take. */
export async function openDispatcher(env: Readonly<Record<string, string>>): Promise<Dispatcher> {
  const { EnvHttpProxyAgent, interceptors } = await import("undici");
  const variable = (name: string) => env[name] ?? env[name.toUpperCase()] ?? "";
  const agent = new EnvHttpProxyAgent({
    httpProxy: variable("http_proxy"),
    httpsProxy: variable("https_proxy"),
    noProxy: variable("no_proxy"),
    proxyTunnel: false, // as curl and apt: a proxy may tunnel to nothing but TLS
    connect: { timeout: 10_000 },
  });
  return agent.compose(interceptors.redirect({ maxRedirections: 5 }));
}
