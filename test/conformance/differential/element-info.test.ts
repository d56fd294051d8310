/** What element-info says of the same elements, read by bash as disk-image-create reads it. */
import { createExec } from "@dibjs/core/process/exec.js";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { runDropIn } from "../../support/drop-in.js";
import { releasedDib, runReleased } from "../../support/released-dib.js";

/** What a script gets of the code that `--env` prints. */
const reads = `eval "$CODE"
echo "$IMAGE_ELEMENT" | tr ' ' '\\n' | sort
echo "$IMAGE_ELEMENT_YAML"
eval "declare -A found=($(get_image_element_array))"
for name in "\${!found[@]}"; do echo "$name=\${found[$name]}"; done | sort
bash -c 'get_image_element_array > /dev/null && echo exported'`;

async function readByBash(code: string): Promise<string> {
  const env = { PATH: process.env["PATH"] ?? "", CODE: code, LC_ALL: "C" };
  return (await createExec()("bash", ["-c", reads], { env })).stdout;
}

describe.each([
  ["debian-minimal"],
  ["debian-minimal", "vm", "block-device-gpt", "openssh-server"],
  ["ubuntu-minimal", "simple-init", "growroot", "devuser"],
])("of %s and so on", (...elements: readonly string[]) => {
  async function askBoth(...args: readonly string[]) {
    const { lib, elements: path } = await releasedDib();
    const env = { ELEMENTS_PATH: path };
    const dib = await runReleased(["python3", join(lib, "element-info.py"), ...args, ...elements], { env });
    const ours = await runDropIn("element-info", [...args, ...elements], { cwd: "/", env });
    expect([dib.exitCode, ours.exitCode], dib.stderr + ours.stderr).toEqual([0, 0]);
    return { dib: dib.stdout, ours: ours.stdout };
  }
  const words = (text: string) => text.trim().split(" ").sort();

  test("the names are the same", async () => {
    const { dib, ours } = await askBoth();
    expect(words(ours)).toEqual(words(dib));
  });

  test("the code for bash says the same", async () => {
    const { dib, ours } = await askBoth("--env");
    const read = await readByBash(dib);
    expect(read).toMatch(/exported\n$/);
    expect(await readByBash(ours)).toBe(read);
  });
});
