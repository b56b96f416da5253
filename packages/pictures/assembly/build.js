/**
 * Compiles window.ts and writes it, as text, to src/binary.ts, which is kept beside the sources: run
 * this after a change of window.ts. src/window.test.ts fails when it was forgotten.
 */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { compile } from "./compile.js";

const text = Buffer.from(compile()).toString("base64");
writeFileSync(
  fileURLToPath(new URL("../src/binary.ts", import.meta.url)),
  `// Made by assembly/build.js from assembly/window.ts.
/** The WebAssembly binary of the Gaussian window, in base64. */
export const binary: string =
  "${text}";
`,
);
