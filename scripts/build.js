/**
 * Builds everything a clone needs: the WebAssembly binaries (AssemblyScript), their embedding as
 * TypeScript modules, then all packages with `tsc -b`. Steps whose inputs did not change are skipped,
 * so that running it before every command costs well under a second.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const quiet = process.argv.includes("--quiet");
const require = createRequire(import.meta.url);

/**
 * Runs a JavaScript program of an installed package and stops the build when it fails.
 * @param {string} script
 * @param {string[]} args
 */
function run(script, args) {
  const result = spawnSync(process.execPath, [script, ...args], { cwd: root, encoding: "utf8" });
  if (result.status !== 0) {
    process.stderr.write(result.stdout + result.stderr);
    console.error(`build: ${script.split("node_modules/").pop()} ${args.join(" ")} failed`);
    process.exit(1);
  }
}

/**
 * Writes a file so that readers see the old or the new one, never half of it.
 * @param {string} file
 * @param {string | Uint8Array} content
 */
function writeWhole(file, content) {
  mkdirSync(dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, content);
  renameSync(temporary, file);
}

/**
 * Bytes as text that compresses as well as the bytes themselves, which base64 and hexadecimal do
 * not: the characters # to ~ without the backslash are digits 0 to 90; the 89 most frequent bytes are
 * one digit each, the others in ascending order 89 or 90 and a second digit.
 * @param {Uint8Array} bytes
 */
function toText(bytes) {
  const counts = new Array(256).fill(0);
  for (const byte of bytes) counts[byte]++;
  const byCount = counts.map((_, byte) => byte).sort((a, b) => counts[b] - counts[a] || a - b);
  const order = [...byCount.slice(0, 89), ...byCount.slice(89).sort((a, b) => a - b)];
  const rank = new Array(256);
  order.forEach((byte, i) => {
    rank[byte] = i;
  });
  const digit = (/** @type {number} */ d) => String.fromCharCode(d < 57 ? d + 35 : d + 36);
  const code = (/** @type {number} */ r) =>
    r < 89 ? digit(r) : digit(88 + Math.floor(r / 89)) + digit(r % 89);
  const text = Array.from(bytes, (byte) => code(rank[byte])).join("");
  return { table: Buffer.from(order.slice(0, 89)).toString("hex"), text };
}

/**
 * Compiles the kernels of a package and embeds them as src/binary.ts, when their sources, the options or
 * the compiler changed.
 * @param {object} what
 * @param {string} what.name the package's directory
 * @param {string} what.entry the file in its `assembly` that is compiled
 * @param {string[]} what.options of the compiler
 * @param {(bytes: Buffer) => string} what.embed the module that holds the binary
 */
function kernels({ name, entry, options, embed }) {
  const home = `packages/${name}`;
  const wasm = `${home}/build/kernels.wasm`;
  const target = join(root, home, "src/binary.ts");
  const asc = [`${home}/assembly/${entry}`, ...options, "--use", "abort=", "--outFile", wasm];
  const hash = createHash("sha256").update(JSON.stringify([asc, embed.toString()]));
  hash.update(require("assemblyscript/package.json").version);
  const assembly = join(root, home, "assembly");
  for (const file of readdirSync(assembly).sort()) {
    if (file.endsWith(".ts")) hash.update(file).update(readFileSync(join(assembly, file)));
  }
  const stamp = `// ${hash.digest("hex")}`;
  if (existsSync(target) && readFileSync(target, "utf8").startsWith(stamp)) return;
  if (!quiet) console.log(`build: compiling the WebAssembly kernels of ${name}`);
  mkdirSync(join(root, home, "build"), { recursive: true });
  run(join(dirname(require.resolve("assemblyscript/package.json")), "bin/asc.js"), asc);
  const made = `// Made by scripts/build.js from ${home}/assembly.`;
  writeWhole(target, `${stamp}\n${made}\n${embed(readFileSync(join(root, wasm)))}`);
}

const common = ["--runtime", "stub", "--noAssert", "-O3"];

kernels({
  name: "softpool",
  entry: "index.ts",
  options: [
    ...common,
    ...["--shrinkLevel", "1", "--converge", "--zeroFilledMemory"],
    ...["--enable", "simd,threads,bulk-memory", "--importMemory", "--sharedMemory"],
    ...["--initialMemory", "1", "--maximumMemory", "65536", "--memoryBase", "0"],
  ],
  embed(bytes) {
    const { table, text } = toText(bytes);
    // The import of the memory: 6 "memory" 2 (a memory) 3 (shared, with a maximum).
    const flag = bytes.indexOf("memory\u0002\u0003") + 7;
    return `/** The WebAssembly kernels as text; scripts/build.js tells how they are written. */
export const kernels: {
  /** Size of the binary in bytes. */
  readonly bytes: number;
  /** Where the binary says that its memory is shared: 3 there, 1 without. */
  readonly sharedFlag: number;
  /** The bytes of digits 0 to 88, two hexadecimal digits each. */
  readonly table: string;
  /** The binary, one or two digits a byte. */
  readonly text: string;
} = {
  bytes: ${bytes.length},
  sharedFlag: ${flag},
  table: "${table}",
  text: "${text}",
};
`;
  },
});

kernels({
  name: "pictures",
  entry: "window.ts",
  options: [...common, ...["--enable", "simd", "--initialMemory", "1", "--memoryBase", "64"]],
  embed: (bytes) => `/** The WebAssembly binary of the Gaussian window, in base64. */
export const binary: string =
  "${bytes.toString("base64")}";
`,
});

if (!quiet) console.log("build: compiling the packages");
run(join(dirname(require.resolve("typescript/package.json")), "bin/tsc"), ["-b"]);
