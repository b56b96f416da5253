/** The package as others get it: packed, installed into an empty project, type-checked, bundled by Vite. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = join(dirname(fileURLToPath(import.meta.url)), "../../..");
let project = "";

function npm(args: string[], cwd: string): string {
  return execFileSync("npm", args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), "softpool-pack-"));
  const folder = join(root, "packages/softpool");
  const packed = npm(["pack", "--ignore-scripts", "--pack-destination", project], folder);
  const tarball = packed.trim().split("\n").pop() ?? "";
  writeFileSync(join(project, "package.json"), '{ "private": true, "type": "module" }\n');
  npm(["install", "--offline", "--ignore-scripts", "--no-audit", `./${tarball}`], project);
});

afterAll(() => rmSync(project, { recursive: true, force: true }));

const program = `import { softPool2d } from "softpool";
const x = { data: Float32Array.of(1, 2, 4, 5), shape: [1, 1, 2, 2] };
console.log(softPool2d(x, { kernelSize: 2 }).data[0].toFixed(4));
`;

test("runs in an empty project, without dependencies", () => {
  writeFileSync(join(project, "run.js"), program);
  const out = execFileSync(process.execPath, ["run.js"], { cwd: project, encoding: "utf8" });
  expect(out).toBe("4.5888\n");
  expect(readdirSync(join(project, "node_modules")).filter((n) => !n.startsWith("."))).toEqual([
    "softpool",
  ]);
  const names = readdirSync(join(project, "node_modules/softpool/dist"));
  expect(names.some((name) => name.includes(".test."))).toBe(false);
});

test("its declarations compile without DOM, Float16Array or Node types", () => {
  writeFileSync(
    join(project, "use.ts"),
    `import { empty, globalSoftPool, softPool2d, softPool2dBackward, type Tensor } from "softpool";
const x = empty([1, 2, 4, 4], "float32");
const y = softPool2d(x, { kernelSize: 2, beta: [1, 2] });
y.dispose();
const first: number = y.data[0];
const plain: Tensor<Float64Array> = softPool2d({ data: new Float64Array(4), shape: [1, 1, 2, 2] }, { kernelSize: 2 });
const both = softPool2dBackward(y, x, { kernelSize: 2, betaGradient: true });
const slope: number = both.beta[0] + both.input.data[0] + globalSoftPool(plain).data[0] + first;
// @ts-expect-error integers are no elements
softPool2d({ data: new Int32Array(4), shape: [1, 1, 2, 2] }, { kernelSize: 2 });
export { slope };
`,
  );
  const options = ["--noEmit", "--strict", "--target", "es2022", "--lib", "es2022"];
  const modules = ["--module", "nodenext", "--moduleResolution", "nodenext", "--types", ""];
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const args = [tsc, ...options, ...modules, "--skipLibCheck", "false", "use.ts"];
  let out = "";
  try {
    out = execFileSync(process.execPath, args, { cwd: project, encoding: "utf8" });
  } catch (error) {
    out = (error as { stdout: string }).stdout;
  }
  expect(out).toBe("");
});

test("works when bundled by Vite", async () => {
  writeFileSync(join(project, "entry.js"), program);
  await build({
    root: project,
    configFile: false,
    logLevel: "silent",
    build: {
      outDir: "bundle",
      minify: true,
      lib: { entry: join(project, "entry.js"), formats: ["es"], fileName: () => "bundle.js" },
    },
  });
  const file = join(project, "bundle/bundle.js");
  expect(readFileSync(file, "utf8")).not.toContain('from"softpool"');
  const out = execFileSync(process.execPath, [file], { cwd: project, encoding: "utf8" });
  expect(out).toBe("4.5888\n");
});
