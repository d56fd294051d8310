// Discovers and resolves all elements of a project, and tells what that took: node resolve.mjs FOLDER
import { discoverElements, resolveElements } from "../packages/core/dist/index.js";

const [projectDir] = process.argv.slice(2);
const catalog = await discoverElements({ elementPaths: [], projectDir, bundled: [] });
const elements = [...catalog.refs.keys()].map((name) => ({ name, range: "*", origin: "arguments" }));
const request = { elements, options: {}, arch: "amd64", base: false, ramdisk: false, ramdiskElement: "ramdisk" };
const set = await resolveElements(request, catalog);
const edges = set.elements.reduce((sum, { dependencies }) => sum + dependencies.length, 0);
const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
const spent = { peakMiB: maxRSS / 1024, cpuMs: (userCPUTime + systemCPUTime) / 1000 };
console.log(JSON.stringify({ elements: set.elements.length, edges, ...spent }));
