// The licence texts of every package that a page is made from, beside the page. A package whose own folder has none is in licences/.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";

interface Locked { version: string; license: string; dependencies?: Record<string, string> }

const here = import.meta.dirname;
const FILE = /^(licen[cs]e|copying|notice)/i;

/** Names of these packages and all that they need, in order. */
function needed(names: string[], locked: Record<string, Locked>): string[] {
  const found = new Set(names);
  for (const name of found) for (const other of Object.keys(locked[`node_modules/${name}`]?.dependencies ?? {})) found.add(other);
  return [...found].sort();
}

/** The licence of a package in full; a build without one is no build. */
function text(name: string): string {
  const folder = join(here, "node_modules", name);
  const files = readdirSync(folder).filter((file) => FILE.test(file)).sort().map((file) => join(folder, file));
  const ours = join(here, "licences", `${name}.txt`);
  if (files.length === 0 && existsSync(ours)) files.push(ours);
  if (files.length === 0) throw new Error(`${name}: no licence in its package; put its text into web/licences/${name}.txt`);
  return files.map((file) => readFileSync(file, "utf8").trim()).join("\n\n");
}

/** Write the licences of all packages whose modules are in the page, and of what they need in turn. */
export const licences = (fileName: string): Plugin => ({
  name: "licences",
  generateBundle() {
    const modules = [...this.getModuleIds()].map((id) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1]);
    const { packages } = JSON.parse(readFileSync(join(here, "package-lock.json"), "utf8")) as { packages: Record<string, Locked> };
    const names = needed([...new Set(modules.filter((name) => name !== undefined))], packages);
    const parts = names.map((name) => {
      const of = packages[`node_modules/${name}`];
      return `# ${name} ${of?.version} (${of?.license})\n\n${text(name)}\n`;
    });
    this.emitFile({ type: "asset", fileName, source: `Packages inside this page, and their licences.\n\n${parts.join("\n\n")}` });
  },
});
