import { createExec, describeHost, sweepDeadBuilds, type HostFact } from "@dibjs/core";
import type { Given } from "../options.js";
import { formatTable } from "../table.js";
import type { Terminal } from "../terminal.js";

/** Says what this host can build. Exit code 3 when it can't build at all. */
export async function doctor(terminal: Terminal, given: Given): Promise<number> {
  const cleared = given.fix === true ? await clear(terminal) : [];
  const facts = await checkKvm(await describeHost());
  const command = cureOf(facts);
  const canBuild = facts.every(({ isRequired, ok }) => ok || !isRequired);
  if (given.json === true) {
    terminal.out.write((await import("../envelope.js")).formatData("doctor", { canBuild, facts, command, cleared }));
  } else {
    terminal.out.write(formatFacts(facts, command, cleared, terminal));
  }
  return canBuild ? 0 : 3;
}

/** Clears what dead builds left, and says what of it stays. */
const clear = (terminal: Terminal): Promise<readonly string[]> =>
  sweepDeadBuilds({
    exec: createExec(),
    emit: (event) => void (event.type === "note" && terminal.err.write(`${event.text}\n`)),
  });

/** That /dev/kvm is there does not say that it runs guests. */
async function checkKvm(facts: readonly HostFact[]): Promise<readonly HostFact[]> {
  const { kvmWorks } = await import("../boot/accelerator.js");
  return Promise.all(
    facts.map(async (fact) => {
      if (fact.what !== "KVM" || !fact.ok || (await kvmWorks())) return fact;
      return { ...fact, ok: false, detail: "/dev/kvm is there but runs no guest: dib boot emulates, which is slow" };
    }),
  );
}

/** The one command that installs all that is missing. */
export function cureOf(facts: readonly HostFact[]): string | undefined {
  const missing = facts.filter(({ ok, packages }) => !ok && packages.length > 0);
  const [first] = missing;
  if (first?.fix === undefined) return undefined;
  const install = first.fix.slice(0, first.fix.length - first.packages.join(" ").length).trimEnd();
  return `${install} ${[...new Set(missing.flatMap(({ packages }) => packages))].join(" ")}`;
}

function formatFacts(
  facts: readonly HostFact[],
  command: string | undefined,
  cleared: readonly string[],
  { out }: Terminal,
): string {
  const { green, red, yellow, bold } = out.colours;
  const rows = formatTable(facts.map(({ what, detail }) => [what, detail]));
  const marked = facts.map(
    ({ ok, isRequired }, index) => `${ok ? green("✓") : isRequired ? red("✖") : yellow("–")} ${rows[index]}`,
  );
  const others = facts.filter(({ ok, fix, packages }) => !ok && fix !== undefined && packages.length === 0);
  return [
    ...marked,
    ...(command === undefined ? [] : ["", "To install what is missing:", `  ${bold(command)}`]),
    ...(others.length === 0 ? [] : ["", ...formatTable(others.map(({ what, fix = "" }) => [`For ${what}:`, fix]))]),
    ...(cleared.length === 0 ? [] : ["", ...cleared.map((path) => `cleared ${path}`)]),
    "",
  ].join("\n");
}
