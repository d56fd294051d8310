import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const root = fileURLToPath(new URL(".", import.meta.url));

// Tests run the TypeScript sources, so unit tests need no build. The worker process is started from dist.
const alias = [
  { find: /^@dibjs\/core\/worker$/, replacement: `${root}packages/core/src/worker/main.ts` },
  // `@dibjs/core/config/load.js` in a test is packages/core/src/config/load.ts.
  { find: /^@dibjs\/core\/(.+)\.js$/, replacement: `${root}packages/core/src/$1.ts` },
  { find: /^@dibjs\/core$/, replacement: `${root}packages/core/src/index.ts` },
  { find: /^@dibjs\/cli\/(.+)\.js$/, replacement: `${root}packages/cli/src/$1.ts` },
  ...readdirSync(`${root}packages`)
    .filter((name) => name.startsWith("element-"))
    .flatMap((name) => [
      { find: new RegExp(`^@dibjs/${name}/(.+)\\.js$`), replacement: `${root}packages/${name}/src/$1.ts` },
      { find: new RegExp(`^@dibjs/${name}$`), replacement: `${root}packages/${name}/src/index.ts` },
    ]),
];

const MINUTE = 60_000;

function project(name: string, include: string[], more: object = {}) {
  return { resolve: { alias }, test: { name, include, environment: "node" as const, ...more } };
}

/** Real loop devices and mounts, and two cores: one file at a time. */
function oneAtATime(timeoutMinutes: number) {
  return {
    fileParallelism: false,
    maxWorkers: 1,
    globalSetup: ["./test/support/apt-proxy-users.ts"],
    testTimeout: timeoutMinutes * MINUTE,
    hookTimeout: timeoutMinutes * MINUTE,
    sequence: { groupOrder: 1 },
  };
}

const quick = { testTimeout: 20_000, sequence: { groupOrder: 0 } };

export default defineConfig({
  test: {
    reporters: ["./test/support/count-reporter.ts"],
    projects: [
      project("unit", ["test/unit/**/*.test.ts"], quick),
      project("types", ["test/types/**/*.test.ts"], quick),
      project("house", ["test/house/**/*.test.ts"], quick),
      project("elements", ["test/elements/**/*.test.ts"], oneAtATime(5)),
      project("integration", ["test/integration/**/*.test.ts"], oneAtATime(5)),
      project("e2e", ["test/e2e/**/*.test.ts"], oneAtATime(25)),
      ...(process.argv.includes("live") ? [project("live", ["test/live/**/*.test.ts"], oneAtATime(60))] : []),
    ],
  },
});
