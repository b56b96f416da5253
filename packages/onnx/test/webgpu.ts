/**
 * Runs models on ONNX Runtime's WebGPU provider in a process of its own, for the tests of all packages:
 * on the software adapter of Debian's `chromium`, so that it tells what is right and never what is
 * fast. Where there is none these tests are skipped; with CI_FULL=1 that is a failure. Uses the built
 * package.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { deserialize, serialize } from "node:v8";
import type { Optimization, RunTensor } from "../src/session.ts";
import type { Placement } from "../src/session-node.ts";

const driver = process.env.VK_ICD_FILENAMES ?? "/usr/lib/chromium/vk_swiftshader_icd.json";
const entry = new URL("../dist/session-node.js", import.meta.url);
const full = process.env.CI_FULL === "1";

/** Whether there is an adapter here. */
export const hasWebGPU: boolean = existsSync(driver);

/** For `test.skipIf`: there is no adapter, and that is no failure. */
export const skipWebGPU: boolean = !hasWebGPU && !full;

if (skipWebGPU) console.warn(`SKIPPED: no ${driver}, the WebGPU provider is not tested here`);

/** A model and what it is fed with. */
export interface WebGPUCase {
  /** The bytes of the model. */
  readonly model: Uint8Array;
  /** A tensor for each input. */
  readonly feeds: Readonly<Record<string, RunTensor>>;
  /** How much ONNX Runtime rewrites the model; default `all`. */
  readonly optimization?: Optimization;
}

/** How the cases are run. */
export interface WebGPUOptions {
  /** The time for all cases together, in milliseconds; default 100000. */
  readonly timeout?: number;
  /**
   * Takes what a session said of fallbacks and where each node ran (those in branches too), case by
   * case; then each case runs twice.
   */
  readonly report?: (index: number, notes: readonly string[], nodes: readonly Placement[]) => void;
}

type Outputs = Record<string, RunTensor>;
type Answer = { outputs: Outputs; notes: string[]; nodes: Placement[] }[];

const program = `
import { readFileSync, writeFileSync } from "node:fs";
import { deserialize, serialize } from "node:v8";
const { createSession, placement } = await import(${JSON.stringify(entry.href)});
const [input, output] = process.argv.slice(1);
const { cases, report } = deserialize(readFileSync(input));
const answer = [];
for (const [i, { model, feeds, optimization }] of cases.entries()) {
  try {
    const options = { provider: "webgpu", strict: true, optimization, log: () => {} };
    const session = await createSession(model, options);
    const outputs = await session.run(feeds);
    await session.dispose();
    const nodes = report ? await placement(model, feeds, options) : [];
    answer.push({ outputs, notes: session.notes, nodes });
  } catch (error) {
    console.error("case " + i + ": " + error.message);
    process.exit(1);
  }
}
writeFileSync(output, serialize(answer));
process.exit(0);
`;

/**
 * Runs models on the WebGPU provider, all in one process.
 * @param cases models with their feeds
 * @param options time, and a listener for fallbacks
 * @returns the outputs, case by case; `undefined` when there is no adapter here
 * @throws Error with what the process wrote to standard error when a case fails or the process crashes
 */
export async function runOnWebGPU(
  cases: readonly WebGPUCase[],
  options: WebGPUOptions = {},
): Promise<Outputs[] | undefined> {
  if (!hasWebGPU) {
    if (full) throw new Error(`CI_FULL=1: expected a WebGPU adapter, but there is no ${driver}`);
    return undefined;
  }
  if (!existsSync(entry)) throw new Error("runOnWebGPU: build the packages first: npm run build");
  const folder = mkdtempSync(join(tmpdir(), "softpool-webgpu-"));
  try {
    const [input, output] = [join(folder, "in"), join(folder, "out")];
    const { report, timeout = 100_000 } = options;
    writeFileSync(input, serialize({ cases, report: report !== undefined }));
    await child(["--input-type=module", "-e", program, input, output], timeout);
    const answer = deserialize(readFileSync(output)) as Answer;
    for (const [i, { notes, nodes }] of answer.entries()) report?.(i, notes, nodes);
    return answer.map(({ outputs }) => outputs);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs Node with the adapter's driver and, beside it, the Vulkan loader. */
function child(args: readonly string[], timeout: number): Promise<void> {
  const libraries = [dirname(driver), process.env.LD_LIBRARY_PATH].filter(Boolean).join(":");
  const env = { ...process.env, VK_ICD_FILENAMES: driver, LD_LIBRARY_PATH: libraries };
  return new Promise((resolve, reject) => {
    const running = spawn(process.execPath, args, {
      env,
      stdio: ["ignore", "ignore", "pipe"],
      timeout,
    });
    let errors = "";
    running.stderr.setEncoding("utf8").on("data", (text: string) => {
      errors += text;
    });
    running.on("error", reject);
    running.on("close", (status, signal) => {
      if (status === 0) resolve();
      else
        reject(new Error(`the process on WebGPU ended with ${signal ?? status}: ${errors.trim()}`));
    });
  });
}
