import { afterEach, expect, test, vi } from "vitest";
import { listenForInterrupts } from "@dibjs/cli/signals.js";

afterEach(() => {
  vi.restoreAllMocks();
});

test("the first signal aborts with its name; a second changes nothing", () => {
  const exit = vi.spyOn(process, "exit").mockImplementation(() => undefined as never);
  const said: string[] = [];
  using interrupts = listenForInterrupts((text) => said.push(text));
  process.emit("SIGTERM", "SIGTERM");
  process.emit("SIGINT", "SIGINT");
  expect(interrupts.signal.reason).toBe("SIGTERM");
  expect(said).toHaveLength(1);
  expect(exit).not.toHaveBeenCalled();
});

test("three signals within five seconds end the process", () => {
  const exit = vi.spyOn(process, "exit").mockImplementation(() => undefined as never);
  using _ = listenForInterrupts(() => {});
  for (let times = 0; times < 3; times++) process.emit("SIGINT", "SIGINT");
  expect(exit).toHaveBeenCalledExactlyOnceWith(130);
});

test("signals that are far apart do not add up", () => {
  const exit = vi.spyOn(process, "exit").mockImplementation(() => undefined as never);
  const clock = vi.spyOn(performance, "now");
  using _ = listenForInterrupts(() => {});
  for (const time of [0, 4000, 8000, 12_000]) {
    clock.mockReturnValue(time);
    process.emit("SIGINT", "SIGINT");
  }
  expect(exit).not.toHaveBeenCalled();
});

test("nothing is left listening", () => {
  const before = process.listenerCount("SIGINT");
  listenForInterrupts(() => {})[Symbol.dispose]();
  expect(process.listenerCount("SIGINT")).toBe(before);
});
