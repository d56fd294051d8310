// The process of a test registry: verdaccio on a port of the system's choice, which is printed. It ends with its parent:
// standard input closes.
import { readFileSync } from "node:fs";
import { runServer } from "verdaccio";

const server = await runServer(JSON.parse(readFileSync(process.argv[2], "utf8")));
server.listen(0, "127.0.0.1", () => console.log(`port ${server.address().port}`));
process.stdin.resume().on("end", () => process.exit(0));
