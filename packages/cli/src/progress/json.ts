import type { Terminal } from "../terminal.js";
import type { Renderer } from "./renderer.js";

/** One event a line on standard output, each with its time (ISO 8601), and with the image's name when there are several. */
export function openJsonRenderer({ out }: Terminal, image: string | undefined): Renderer {
  return {
    onEvent: (event) =>
      out.write(
        `${JSON.stringify({ time: new Date().toISOString(), ...(image === undefined ? {} : { image }), ...event })}\n`,
      ),
    suspend: () => {},
    resume: () => {},
    [Symbol.dispose]: () => {},
  };
}
