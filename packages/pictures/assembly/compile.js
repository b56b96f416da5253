/** The AssemblyScript compiler, as it is called for window.ts. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Compiles window.ts.
 * @returns {Uint8Array} the binary
 */
export function compile() {
  const folder = mkdtempSync(join(tmpdir(), "window-"));
  try {
    const file = join(folder, "window.wasm");
    const asc = dirname(createRequire(import.meta.url).resolve("assemblyscript/package.json"));
    const source = fileURLToPath(new URL("window.ts", import.meta.url));
    const options = "--runtime stub --noAssert -O3 --enable simd --initialMemory 1 --memoryBase 64";
    const rest = [...options.split(" "), "--use", "abort=", "--outFile", file];
    execFileSync(process.execPath, [join(asc, "bin/asc.js"), source, ...rest]);
    return readFileSync(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
