import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { Conversation } from "@dibjs/cli/boot/serial.js";
import type { BootStep } from "@dibjs/cli/program.js";

const login: readonly BootStep[] = [
  { do: "expect", text: "login:" },
  { do: "send", text: "root" },
  { do: "expect", text: "Password:" },
  { do: "send", text: "secret" },
  { do: "expect", text: "#" },
];

function talk(steps: readonly BootStep[]) {
  const keyboard = new PassThrough();
  const conversation = new Conversation(steps, keyboard);
  return { conversation, typed: () => (keyboard.read() as Buffer | null)?.toString() ?? "" };
}

test("a login is carried through in order, each text typed after the one it answers", () => {
  const { conversation, typed } = talk(login);
  conversation.hear("booting\r\nlog");
  expect(typed()).toBe("");
  conversation.hear("in: ");
  expect(typed()).toBe("root\r");
  conversation.hear("\r\nPassword: ");
  expect(typed()).toBe("secret\r");
  expect(conversation.isOver).toBe(false);
  conversation.hear("\r\nroot@debian:~# ");
  expect(conversation.isOver).toBe(true);
});

test("a text that came before the last one does not count again", () => {
  const { conversation } = talk([
    { do: "expect", text: "ready" },
    { do: "expect", text: "ready" },
  ]);
  conversation.hear("ready");
  expect(conversation.isOver).toBe(false);
  conversation.hear(" ready");
  expect(conversation.isOver).toBe(true);
});

test("two texts in one piece are both found", () => {
  const { conversation } = talk([
    { do: "expect", text: "one" },
    { do: "expect", text: "two" },
  ]);
  conversation.hear("one two");
  expect(conversation.isOver).toBe(true);
});

test("a text with escape sequences among its words is found", () => {
  const { conversation } = talk([{ do: "expect", text: "Reached target Login" }]);
  conversation.hear("Reached target \x1b[0;1;39mLog");
  conversation.hear("in\x1b[0m Prompts");
  expect(conversation.isOver).toBe(true);
});

test("says what it waits for, and the last twenty lines without escape sequences", () => {
  const { conversation } = talk(login);
  for (let line = 1; line <= 30; line++) conversation.hear(`\x1b[1mline ${line}\r\n`);
  expect(conversation.expected).toBe("login:");
  expect(conversation.tail.split("\n")).toHaveLength(20);
  expect(conversation.tail).toMatch(/^line 11\n[\s\S]*\nline 30$/);
});

test.each([
  ["[    0.000000] Linux version 6.1.0", true],
  ["debian login: ", true],
  ["SeaBIOS (version 1.16.2)\r\nBooting from Hard Disk...\r\n", false],
  ["BdsDxe: starting Boot0001\r\n\x1b[2J  GNU GRUB  version 2.06", false],
  ["", false],
])("%j shows life: %s", (text, expected) => {
  const { conversation } = talk([{ do: "expect", text: "never" }]);
  conversation.hear(text);
  expect(conversation.showsLife).toBe(expected);
});

test("a text that was waited for shows life, whatever says it", () => {
  const { conversation } = talk([
    { do: "expect", text: "toy" },
    { do: "expect", text: "never" },
  ]);
  conversation.hear("toy");
  expect(conversation.showsLife).toBe(true);
});
