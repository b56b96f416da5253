/** Which rivals are on this machine, how to get those that are not, and what the machine is. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import os from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { PyTorch } from "./pytorch.js";

const BENCH = fileURLToPath(new URL(".", import.meta.url));
const ROOT = fileURLToPath(new URL("..", import.meta.url));
const ONNXRUNTIME = `${BENCH}node_modules/onnxruntime-node/package.json`;
const GET_ONNXRUNTIME = "npm ci --ignore-scripts --prefix bench";
const GET_PYTORCH = "apt install python3-torch on Debian, or pip install torch numpy";

/**
 * What there is to measure with.
 * @typedef {object} Rivals
 * @property {import("./variants.js").Library[]} libraries libraries to measure
 * @property {PyTorch | null} pytorch the process, when there is one
 * @property {Record<string, string>} versions version by program or library
 * @property {string[]} missing one sentence per rival that is not there
 */

/**
 * Version of a package.
 * @param {string} file its package.json
 * @returns {string}
 */
const versionOf = (file) => JSON.parse(readFileSync(file, "utf8")).version;

/**
 * Installs onnxruntime-node into `bench/node_modules` when it is not there.
 * @param {(line: string) => void} say
 * @returns {boolean} whether it is there now
 */
function installOnnxRuntime(say) {
  if (existsSync(ONNXRUNTIME)) return true;
  say(`first run: installing the rivals of bench/package.json with ${GET_ONNXRUNTIME}`);
  const npm = process.env.npm_execpath;
  const args = ["ci", "--ignore-scripts", "--prefix", "bench", "--fetch-retries=1"];
  const script = npm !== undefined && /\.c?js$/.test(npm);
  const result = spawnSync(script ? process.execPath : "npm", script ? [npm, ...args] : args, {
    cwd: ROOT,
    stdio: ["ignore", 2, 2],
    shell: !script && process.platform === "win32",
  });
  return result.status === 0 && existsSync(ONNXRUNTIME);
}

/**
 * Finds the rivals, installing what npm can install.
 * @param {{ pooling: boolean, swap: boolean, train: boolean }} wanted whether this run compares poolings with
 *   rivals, runs networks on ONNX Runtime, and trains networks
 * @param {(line: string) => void} say receives progress
 * @returns {Promise<Rivals>}
 */
export async function findRivals(wanted, say) {
  /** @type {Rivals} */
  const rivals = {
    libraries: ["softpool"],
    pytorch: null,
    versions: {
      node: process.versions.node,
      v8: process.versions.v8,
      softpool: versionOf(`${ROOT}packages/softpool/package.json`),
    },
    missing: [],
  };
  if (wanted.pooling) rivals.libraries.push("memory");
  if (!wanted.pooling && !wanted.swap && !wanted.train) return rivals;
  if (installOnnxRuntime(say)) {
    rivals.libraries.push("onnxruntime");
    rivals.versions["onnxruntime-node"] = versionOf(ONNXRUNTIME);
  } else {
    rivals.missing.push(`onnxruntime-node is not installed: ${GET_ONNXRUNTIME}`);
  }
  if (!wanted.pooling && !wanted.train) return rivals;
  const found = await PyTorch.find();
  if (found !== null) {
    rivals.libraries.push("pytorch");
    rivals.pytorch = found.pytorch;
    rivals.versions.pytorch = found.versions.torch;
    rivals.versions.python = found.versions.python;
  } else {
    rivals.missing.push(`no python3 has PyTorch and NumPy: ${GET_PYTORCH}`);
  }
  return rivals;
}

/**
 * The machine of a run.
 * @typedef {object} Machine
 * @property {string} cpu the processor's name
 * @property {number} processors logical processors
 * @property {number} memoryGiB main memory
 * @property {string} system operating system and release
 */

/**
 * Describes this machine.
 * @returns {Machine}
 */
export function describeMachine() {
  const cpus = os.cpus();
  return {
    cpu: (cpus[0]?.model ?? "unknown processor").replace(/\s+/g, " ").trim(),
    processors: os.availableParallelism(),
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    system: `${os.type()} ${os.release().split("-")[0]} ${os.arch()}`,
  };
}

/**
 * How busy others keep the processors, seen while this program sleeps for a moment.
 * @returns {Promise<number>} 0, all idle, to 1, all busy
 */
export async function busyness() {
  const times = () => {
    const all = os.cpus().map(({ times: t }) => t);
    const idle = all.reduce((sum, t) => sum + t.idle, 0);
    return {
      idle,
      total: all.reduce((sum, t) => sum + t.user + t.nice + t.sys + t.irq + t.idle, 0),
    };
  };
  const before = times();
  await sleep(300);
  const after = times();
  const total = after.total - before.total;
  return total > 0 ? Math.min(1, Math.max(0, 1 - (after.idle - before.idle) / total)) : 0;
}
