/** Runs code as a process of its own on the built package: for what only a whole process shows. */
import { spawnSync } from "node:child_process";

const built = new URL("../dist/index.js", import.meta.url).href;

/**
 * Runs a module; `PACKAGE` in its code stands for the built package, as a string literal.
 * Returns what it printed on both streams, and its exit status (null: it did not end within a minute).
 */
export function child(code: string, flags: string[] = []): { out: string; status: number | null } {
  const text = code.replaceAll("PACKAGE", JSON.stringify(built));
  const result = spawnSync(process.execPath, [...flags, "--input-type=module", "-e", text], {
    encoding: "utf8",
    timeout: 60_000,
  });
  return { out: result.stdout + result.stderr, status: result.status };
}
