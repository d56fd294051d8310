import { existsSync, mkdirSync, rmSync } from "node:fs";
import { createExec } from "@dibjs/core/process/exec.js";
import { openJournal, sweepDeadBuilds } from "@dibjs/core/workspace/journal.js";
import { ResourceStack } from "@dibjs/core/workspace/resource-stack.js";
import { expect, test } from "vitest";

const exec = createExec();

/** Another build starts after every single release. */
class WatchedStack extends ResourceStack {
  override defer(label: string, release: () => void | Promise<void>) {
    return super.defer(label, async () => {
      await release();
      await sweepDeadBuilds({ exec });
    });
  }
}

test("a build that ends at its own pace is never taken for a dead one: what it finished is not swept away", async () => {
  const id = `test${process.pid}`;
  const finished = `/var/tmp/.dib-${id}`;
  mkdirSync(finished);
  try {
    const stack = new WatchedStack();
    await openJournal({ id, folders: [finished] }, stack, { exec } as never);
    await stack[Symbol.asyncDispose]();
    expect({ journal: existsSync(`/run/dib/${id}`), finished: existsSync(finished) }).toEqual({
      journal: false,
      finished: true,
    });
  } finally {
    rmSync(finished, { recursive: true, force: true });
  }
});
