/** The READMEs' snippets print what the READMEs say, and their tables name what there is. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { catalogue } from "@softpool/poolings";
import { expect, test } from "vitest";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const read = (file: string) => readFileSync(join(root, file), "utf8");

test.each([
  ["README.md", "softpool"],
  ["packages/softpool/README.md", "softpool"],
  ["packages/onnx/README.md", "@softpool/onnx"],
  ["packages/poolings/README.md", "@softpool/poolings"],
  ["packages/zoo/README.md", "@softpool/zoo"],
  ["packages/pictures/README.md", "@softpool/pictures"],
  ["packages/tfjs/README.md", "@softpool/tfjs"],
  ["packages/jax/README.md", "@softpool/jax"],
])("the snippets of %s", (file, name) => {
  const snippets = [...read(file).matchAll(/```ts\n([\s\S]*?)```\s*```\n([\s\S]*?)```/g)];
  expect(snippets.some(([, code]) => code.includes(`from "${name}"`))).toBe(true);
  // Where the packages are found, and where files that a snippet writes disturb nobody.
  const cwd = mkdtempSync(join(root, "node_modules", ".readme-"));
  try {
    for (const [, code, printed] of snippets) {
      const args = ["--input-type=module", "-e", code];
      const { stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: "utf8" });
      expect(stderr).toBe("");
      expect(stdout).toBe(printed);
    }
  } finally {
    rmSync(cwd, { recursive: true });
  }
});

test("the table of poolings names every method with what it is", () => {
  const rows = read("packages/poolings/README.md").split("\n");
  const cells = rows.map((row) => row.split("|").map((cell) => cell.trim()));
  for (const { name, aliases, summary } of catalogue) {
    const row = cells.find(([, first]) => first === `\`${name}\``);
    expect(row?.[2], name).toBe(aliases.map((alias) => `\`${alias}\``).join(", "));
    expect(row?.[3], name).toBe(summary);
  }
});
