/** yarn 4 as corepack would put it on the PATH, with the settings by which it takes its packages from a test registry. */
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Registry } from "./registry.js";

export const yarn4 = "@yarnpkg/cli-dist@4.10.3";

/** Writes the program into `folder`; gives the environment. The program itself comes from where the tests' own npm takes it. */
export function yarn4Environment(folder: string, { env, url }: Pick<Registry, "env" | "url">): Record<string, string> {
  const program = join(folder, "yarn");
  const home = process.env["HOME"] ?? "/";
  writeFileSync(program, `#!/bin/sh\nHOME='${home}' npm_config_registry= exec npx -y ${yarn4} "$@"\n`);
  chmodSync(program, 0o755);
  return {
    PATH: `${folder}:${env.PATH}`,
    YARN_NPM_REGISTRY_SERVER: url.replace(/\/$/, ""),
    YARN_UNSAFE_HTTP_WHITELIST: "127.0.0.1",
    YARN_NODE_LINKER: "node-modules",
    YARN_GLOBAL_FOLDER: join(folder, "global"),
    YARN_ENABLE_TELEMETRY: "0",
  };
}
