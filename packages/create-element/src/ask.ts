import { BuildError, packageNameOf } from "@dibjs/core";
import { languages, licenses, type NewOptions } from "./options.js";

/** Asks for what was not said. On a terminal only: the caller knows whether there is one. */
export async function askForRest(said: NewOptions): Promise<NewOptions> {
  const { select, text } = await import("@clack/prompts");
  const output = process.stderr; // standard output is for the result
  const write = async (message: string, placeholder: string, check?: (answer: string) => string | undefined) => {
    const validate = (answer: string | undefined) => check?.(answer ?? "");
    return answered<string | undefined>(await text({ message, placeholder, validate, output }));
  };
  const choose = async <T extends string>(message: string, values: readonly T[], labels: readonly string[]) => {
    const options: { value: string; label: string }[] = values.map((value, index) => ({
      value,
      label: labels[index] ?? value,
    }));
    const chosen = answered<string>(await select({ message, options, output }));
    return values.find((value) => value === chosen);
  };
  const name = said.name ?? (await write("Name of the element", "motd", (answer) => flawOf(answer, said.scope)));
  return {
    ...{ ...said, name },
    lang: said.lang ?? (await choose("Written in", languages, ["shell", "TypeScript"])),
    description: said.description ?? (await write("What it does, in one sentence", "")),
    license: said.license ?? (await choose("License", licenses, [...licenses])),
  };
}

const answered = <T>(answer: T | symbol): T => {
  if (typeof answer !== "symbol") return answer;
  throw new BuildError("BUILD_INTERRUPTED", { signal: "SIGINT", stage: "the questions" });
};

function flawOf(element: string, scope: string | undefined): string | undefined {
  try {
    packageNameOf({ element, scope }, "your answer");
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
