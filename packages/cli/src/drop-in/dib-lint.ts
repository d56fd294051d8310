import { startCommand } from "../start.js";

await startCommand("drop-in/dib-lint.js", async (args) => (await import("./lint-elements.js")).dibLint(args));
