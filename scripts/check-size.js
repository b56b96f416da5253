/** Bundles the package `softpool`, minified, and fails when it is 26,000 bytes or more after gzip. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";

const LIMIT = 26_000;
const root = join(dirname(fileURLToPath(import.meta.url)), "..");

const result = await build({
  root,
  configFile: false,
  logLevel: "silent",
  build: {
    write: false,
    minify: true,
    target: "es2022",
    lib: { entry: join(root, "packages/softpool/dist/index.js"), formats: ["es"] },
    rollupOptions: { output: { minify: true } },
  },
});
const outputs = Array.isArray(result) ? result : [result];
const code = outputs
  .flatMap((output) => ("output" in output ? output.output : []))
  .map((chunk) => ("code" in chunk ? chunk.code : ""))
  .join("");
const size = gzipSync(code, { level: 9 }).length;
console.log(`size: softpool is ${size} bytes, minified and gzipped; the limit is ${LIMIT}`);
process.exit(size < LIMIT ? 0 : 1);
