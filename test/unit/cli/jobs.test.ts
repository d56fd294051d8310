import { countJobs, runTogether } from "@dibjs/cli/jobs.js";
import { describe, expect, test } from "vitest";

describe("builds that run together", () => {
  test("are as many at a time as allowed, and their results come in the order that was asked for", async () => {
    let running = 0;
    let most = 0;
    const results = await runTogether([30, 10, 20, 5], 2, async (ms) => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, ms));
      running--;
      return ms;
    });
    expect([results, most]).toEqual([[30, 10, 20, 5], 2]);
  });

  test("let others begin while they wait for one that makes what all need, up to a number", async () => {
    let running = 0;
    let most = 0;
    const run = async (item: number, waits: () => void) => {
      most = Math.max(most, ++running);
      if (item > 1) waits();
      await new Promise((resolve) => setTimeout(resolve, 20));
      running--;
      return item;
    };
    expect([await runTogether([1, 2, 3, 4, 5, 6, 7], 2, run, 2), most]).toEqual([[1, 2, 3, 4, 5, 6, 7], 4]);
  });

  test("begin no other after a failure, and those that run come to their end before it is told", async () => {
    const ended: number[] = [];
    const run = async (item: number) => {
      await new Promise((resolve) => setTimeout(resolve, item * 10));
      if (item === 1) throw new Error("one");
      ended.push(item);
    };
    await expect(runTogether([1, 2, 3, 4], 2, run)).rejects.toThrow("one");
    expect(ended).toEqual([2]);
  });
});

describe("how many builds run at a time", () => {
  const image = { breaks: [], shellOnError: false, useTmpfs: true, minTmpfsGiB: 2 } as never;

  test("is what was asked for", async () => {
    expect(await countJobs([image], "3")).toBe(3);
  });

  test("is one where a break point needs the terminal, and where the memory is for one tree alone", async () => {
    expect(await countJobs([image, { ...(image as object), breaks: ["before-install"] } as never], undefined)).toBe(1);
    expect(await countJobs([image, { ...(image as object), minTmpfsGiB: 2 ** 20 } as never], undefined)).toBe(1);
  });

  test.each(["0", "-1", "two", ""])("is no %j: USAGE_INVALID", async (given) => {
    await expect(countJobs([image], given)).rejects.toMatchObject({ code: "USAGE_INVALID" });
  });
});
