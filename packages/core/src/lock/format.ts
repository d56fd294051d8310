import { canonicalJson } from "../plan/digest.js";
import type { Lock } from "./lock.js";

/** An element, a file, a suite: root, images, image and part are around it. */
const itemDepth = 4;

/** JSON with sorted keys and one item a line: the same bytes for the same lock, and git merges what does not touch. */
export const formatLock = (lock: Lock): string => `${formatValue(JSON.parse(canonicalJson(lock)), 0)}\n`;

function formatValue(value: unknown, depth: number): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const items = Object.entries(value).map(([key, each]) => `${JSON.stringify(key)}: ${formatValue(each, depth + 1)}`);
  if (items.length === 0) return "{}";
  if (depth >= itemDepth) return `{ ${items.join(", ")} }`;
  const indent = "  ".repeat(depth);
  return `{\n${items.map((item) => `${indent}  ${item}`).join(",\n")}\n${indent}}`;
}
