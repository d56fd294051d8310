/** An element as a third party would write it: it taps every hook of the table, and in most of them changes something. */
import { anElement, type ElementFixture } from "./build-fixture.js";

/** Its taps write a line into `trace` for each call: the side, the hook, and what it is about. */
export const probeElement = (trace: string): ElementFixture =>
  anElement("probe")
    .script("install.d/20-from-shell", 'echo "shell sees $PROBE_VALUE" > /etc/probe-shell')
    .script("install.d/25-environment", 'echo "$PROBE_PLANNED and $PROBE_PHASE" > /etc/probe-environment')
    .script("install.d/30-mounted", "cat /mnt/probe/word > /etc/probe-mounted")
    .script("install.d/50-skipped", "echo ran > /etc/probe-skipped")
    .script("install.d/60-edited", "echo as written > /etc/probe-edited")
    .file("shared/word", "from the host\n")
    .file("plugin.mjs", plugin(trace));

/** Taps each key that the hook table has, at run time: a new hook that nobody calls fails a test. */
const plugin = (trace: string): string => `
import { appendFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createHooks, defineElement, defineFormat, defineBlockNode } from "@dibjs/core";

const side = process.argv[1].endsWith("worker/entry.js") ? "worker" : "front";
const write = (line) => appendFileSync(${JSON.stringify(trace)}, side + " " + line + "\\n");

const thirdParty = defineFormat({
  name: "third-party", from: "tree", extension: "txt", hostCommands: [],
  async write({ staged, root }) {
    const { writeFileSync, readdirSync } = await import("node:fs");
    writeFileSync(staged, readdirSync(root).join("\\n"));
    return { files: [{ staged, extension: "txt" }] };
  },
});
const node = defineBlockNode({ name: "third_party", create: async ({ node }) => (write("made node " + node.name), true) });

/** What taps of these hooks do beside being written down. */
const changes = {
  expand: (set) => ({ ...set, elements: set.elements.filter(({ name }) => name !== "unwanted") }),
  plan: (plan) => ({
    ...plan,
    environment: [...plan.environment, { name: "PROBE_PLANNED", value: "planned", secret: false, origin: "probe" }],
  }),
  environment: (env, { phase }) => ({ ...env, PROBE_PHASE: "in " + phase }),
  imageSize: (bytes) => (write("computed " + bytes), bytes + 64 * 2 ** 20),
  script: ({ name }) => (name === "50-skipped" ? "skipped" : undefined),
  async generateHooks(tree) {
    await tree.write("install.d/40-generated", "#!/bin/bash\\necho generated > /etc/probe-generated\\n", { executable: true });
    const text = await tree.read("install.d/60-edited");
    await tree.write("install.d/60-edited", text.replace("as written", "as edited"), { executable: true });
  },
  mount: (set) => set.bind(fileURLToPath(new URL("shared", import.meta.url)), "/mnt/probe", { readOnly: true }),
};

const detailOf = (name, value) =>
  name === "event" ? ":" + (value.phase ?? value.type) : name === "failed" ? ":" + value.code : "";

export default defineElement({
  name: "probe",
  setup({ hooks, addScript, addEnvironment, addFormat, addBlockNode }) {
    addFormat(thirdParty);
    addBlockNode(node);
    addEnvironment("15-probe", { PROBE_VALUE: "42 and \\"quoted\\"" });
    addScript("install", "10-from-typescript", async ({ target, env }) => {
      await target.write("/etc/probe-typescript", "typescript sees " + env.PROBE_VALUE + "\\n");
      await target.run("cat", ["/etc/probe-typescript"]);
    });
    hooks.afterPhase.for("root").tap((_, { seconds, scripts }) =>
      write("root took " + seconds + ", its scripts " + scripts.reduce((sum, script) => sum + script.seconds, 0)));
    const table = createHooks();
    for (const format of ["third-party", "qcow2"]) table.format.define(format);
    for (const type of ["third_party", "mkfs"]) table.blockDevice.define(type);
    for (const [name, hook] of Object.entries(table)) {
      if (["config", "discover"].includes(name)) continue;
      const tap = (...values) => {
        const isTold = name !== "event" || ["phase-end", "planned", "artifact"].includes(values[0].type);
        if (isTold) write(name + detailOf(name, values[0]));
        return changes[name]?.(...values);
      };
      if (!("keys" in hook)) hooks[name].tap(tap);
      else for (const key of hook.keys) hooks[name].for(key).tap(() => void write(name + ":" + key), ["format", "blockDevice"].includes(name) ? { stage: -1 } : {});
    }
  },
});
`;
