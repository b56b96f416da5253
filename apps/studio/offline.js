/**
 * Makes the service worker: `src/offline/service-worker.js` with the list of all files of the build and a
 * version, a digest of their content, written in.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

const source = join(dirname(fileURLToPath(import.meta.url)), "src/offline/service-worker.js");

/**
 * The plugin.
 * @returns {import("vite").Plugin}
 */
export function offline() {
  let folder = "";
  return {
    name: "offline",
    apply: "build",
    configResolved(config) {
      folder = resolve(config.root, config.build.outDir);
    },
    closeBundle() {
      const files = readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join("/"))
        .filter((name) => name !== "service-worker.js")
        .sort();
      const digest = createHash("sha256");
      for (const name of files) digest.update(name).update(readFileSync(join(folder, name)));
      const text = readFileSync(source, "utf8")
        .replace("__VERSION__", digest.digest("hex").slice(0, 16))
        .replace('"__FILES__"', JSON.stringify(files).slice(1, -1));
      writeFileSync(join(folder, "service-worker.js"), text);
    },
  };
}
