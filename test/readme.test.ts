/** The README's snippet prints what the README says. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

test.each(["README.md", "packages/softpool/README.md"])("the snippet of %s", (file) => {
  const text = readFileSync(join(root, file), "utf8");
  const [, code, printed] = /```ts\n([\s\S]*?)```\s*```\n([\s\S]*?)```/.exec(text) ?? [];
  expect(code).toContain('from "softpool"');
  const args = ["--input-type=module", "-e", code];
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8" });
  expect(stderr).toBe("");
  expect(stdout).toBe(printed);
});
