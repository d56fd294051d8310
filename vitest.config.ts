import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const root = fileURLToPath(new URL(".", import.meta.url));

/** What a test imports from a package, by the folder that it is taken from: `@dibjs/core/config/load.js` is packages/core/FOLDER/config/load.ENDING. */
const aliases = (folder: "src" | "dist", ending: "ts" | "js") =>
  readdirSync(`${root}packages`).flatMap((name) => [
    { find: new RegExp(`^@dibjs/${name}/(.+)\\.js$`), replacement: `${root}packages/${name}/${folder}/$1.${ending}` },
    { find: new RegExp(`^@dibjs/${name}/vitest$`), replacement: `${root}packages/${name}/${folder}/vitest.${ending}` },
    { find: new RegExp(`^@dibjs/${name}$`), replacement: `${root}packages/${name}/${folder}/index.${ending}` },
  ]);

const MINUTE = 60_000;

/** Tests without a build of their own run the sources; those that start the worker, which is a process, run what is built. */
function project(name: string, include: string[], more: object = {}) {
  const alias = more === quick ? aliases("src", "ts") : aliases("dist", "js");
  return { resolve: { alias }, test: { name, include, environment: "node" as const, ...more } };
}

/** Real loop devices and mounts, and two cores: one file at a time. */
function oneAtATime(timeoutMinutes: number, setups: readonly string[] = []) {
  return {
    fileParallelism: false,
    maxWorkers: 1,
    globalSetup: ["./test/support/apt-proxy-users.ts", ...setups],
    testTimeout: timeoutMinutes * MINUTE,
    hookTimeout: timeoutMinutes * MINUTE,
    sequence: { groupOrder: 2 },
  };
}

/** First, and alone: what a change must pass in any case, and each takes all of a core. */
const checks = { fileParallelism: false, maxWorkers: 1, testTimeout: 5 * MINUTE, sequence: { groupOrder: 0 } };

const quick = { testTimeout: 20_000, sequence: { groupOrder: 1 } };

export default defineConfig({
  test: {
    cache: false, // it would belong to root after a run with sudo
    reporters: ["./test/support/count-reporter.ts"],
    projects: [
      project("check", ["test/check/**/*.test.ts"], checks),
      project("unit", ["test/unit/**/*.test.ts"], quick),
      project("types", ["test/types/**/*.test.ts"], quick),
      project("house", ["test/house/**/*.test.ts"], quick),
      project("elements", ["test/elements/**/*.test.ts"], oneAtATime(5)),
      project("integration", ["test/integration/**/*.test.ts"], oneAtATime(5)),
      project("e2e", ["test/e2e/**/*.test.ts"], oneAtATime(25, ["./test/support/e2e-folder.ts"])),
      project("vectors", ["test/conformance/vectors/**/*.test.ts"], oneAtATime(5)),
      ...(process.argv.includes("conformance")
        ? [
            project(
              "conformance",
              ["test/conformance/{builds,guest,differential}/**/*.test.ts"],
              oneAtATime(60, ["./test/support/e2e-folder.ts"]),
            ),
          ]
        : []),
      ...(process.argv.includes("released-elements")
        ? [project("released-elements", ["test/conformance/released-elements/**/*.test.ts"], oneAtATime(30))]
        : []),
      ...(process.argv.includes("live") ? [project("live", ["test/live/**/*.test.ts"], oneAtATime(60))] : []),
    ],
  },
});
