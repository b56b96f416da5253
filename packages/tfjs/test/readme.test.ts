/** The README's snippets print what it says; run on the built package. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

test("the snippets of the README", () => {
  const cwd = new URL("..", import.meta.url);
  const readme = readFileSync(new URL("README.md", cwd), "utf8");
  const snippets = [...readme.matchAll(/```ts\n([\s\S]*?)```\s*```\n([\s\S]*?)```/g)];
  expect(snippets.length).toBeGreaterThan(0);
  for (const [, code, printed] of snippets) {
    const args = ["--input-type=module", "-e", code];
    const { stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: "utf8" });
    expect(stderr).toBe("");
    expect(stdout).toBe(printed);
  }
});
