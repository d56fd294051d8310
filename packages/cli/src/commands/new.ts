import { askForRest, createElementPackage, formatCreated, type NewOptions } from "@dibjs/create-element";
import type { Given } from "../options.js";
import type { Terminal } from "../terminal.js";

/** Makes a package with a new element; asks for what was not said when somebody is there to answer. */
export async function newElement(terminal: Terminal, given: Given, [name]: readonly string[]): Promise<number> {
  const said: NewOptions = { ...given, name };
  const isAsking = terminal.isInteractive && said.yes !== true && given.json !== true;
  const created = await createElementPackage(isAsking ? await askForRest(said) : said);
  if (given.json === true) terminal.out.write((await import("../envelope.js")).formatData("new", created));
  else terminal.out.write(formatCreated(created, process.cwd()));
  return 0;
}
