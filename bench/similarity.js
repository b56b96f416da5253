/**
 * `node bench/similarity.js [--pictures N] [--rounds N] [--megapixels N]`: the similarity study beside the
 * same work in Python (PyTorch and SciPy, as scikit-image filters; two processes, cached reference
 * statistics), where it is installed. Makes the pictures, runs both in turns, prints every round and the
 * ratio of the fastest, and how far the means are apart.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { uniforms } from "@softpool/poolings";
import sharp from "sharp";

const COMMAND = fileURLToPath(new URL("../packages/lab/bin/softpool.js", import.meta.url));
const SCRIPT = fileURLToPath(new URL("./similarity.py", import.meta.url));
const PYTHONS = ["python3", "/usr/bin/python3", "python"];
const METHODS = "soft,average,maximum,sum,power-average,stochastic,s3";
const KERNELS = "2,3,5";
const PROTOCOLS = "nearest,bilinear";

/**
 * A picture of waves, blocks and noise.
 * @param {string} path
 * @param {number} side
 * @param {number} seed
 */
async function makePicture(path, side, seed) {
  const noise = uniforms(side * side, { seed });
  const bytes = new Uint8Array(3 * side * side);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const wave =
        Math.sin(x / (5 + seed)) * Math.cos(y / 9) + Math.sin((x * y) / (4000 + 99 * seed));
      const block = ((x >> 5) * 7 + (y >> 5) * 13 + seed) % 5;
      for (let c = 0; c < 3; c++) {
        const value =
          0.25 + 0.12 * block + 0.1 * wave * (1 + c) + 0.15 * (noise[y * side + x] - 0.5);
        bytes[3 * (y * side + x) + c] = Math.round(255 * Math.min(1, Math.max(0, value)));
      }
    }
  }
  const raw = { width: side, height: side, channels: /** @type {const} */ (3) };
  await sharp(bytes, { raw }).png({ compressionLevel: 3 }).toFile(path);
}

/**
 * Runs a program to its end.
 * @param {string} program
 * @param {string[]} args
 * @returns {Promise<string>} what it printed
 */
function output(program, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    child.stdout.on("data", (chunk) => {
      text += chunk;
    });
    child.on("error", reject);
    child.on("exit", (code) =>
      code === 0 ? resolve(text) : reject(new Error(`${program} ended with exit code ${code}`)),
    );
  });
}

/**
 * This project's study in a fresh process.
 * @param {string} pictures
 * @param {string} folder
 */
async function ours(pictures, folder) {
  const begin = performance.now();
  await output(process.execPath, [
    ...[COMMAND, "study", "similarity", pictures, "-o", folder, "--views", "0", "--json"],
    ...["-m", METHODS, "-k", KERNELS, "-p", PROTOCOLS, "--light", "srgb", "--phase", "inference"],
  ]);
  return (performance.now() - begin) / 1000;
}

/**
 * The same in Python: two processes, half of the pictures each.
 * @param {string} python
 * @param {string[]} files
 */
async function theirs(python, files) {
  const begin = performance.now();
  const halves = [0, 1].map((half) => files.filter((_, i) => i % 2 === half));
  const outputs = await Promise.all(
    halves.map((half) => output(python, [SCRIPT, KERNELS, PROTOCOLS, ...half])),
  );
  return {
    seconds: (performance.now() - begin) / 1000,
    halves: outputs.map((text) => JSON.parse(text)),
  };
}

/**
 * How far the means of both are apart.
 * @param {string} folder
 * @param {{ sums: Record<string, number[]> }[]} halves
 */
function distance(folder, halves) {
  const { sets } = JSON.parse(readFileSync(join(folder, "results.json"), "utf8"));
  const worst = { ssim: 0, psnr: 0 };
  for (const { protocol, means } of sets[0].comparisons) {
    for (const { kernel, method, measures } of means) {
      const parts = halves.map(({ sums }) => sums[`${kernel} ${protocol} ${method}`]);
      const [count, ssim, psnr] = [0, 1, 2].map((i) =>
        parts.reduce((sum, part) => sum + part[i], 0),
      );
      worst.ssim = Math.max(worst.ssim, Math.abs(measures.ssim.mean - ssim / count));
      worst.psnr = Math.max(worst.psnr, Math.abs(measures.psnr.mean - psnr / count));
    }
  }
  return worst;
}

const { values } = parseArgs({
  options: {
    pictures: { type: "string", default: "100" },
    rounds: { type: "string", default: "3" },
    megapixels: { type: "string", default: "1" },
  },
});
const [count, rounds, megapixels] = [values.pictures, values.rounds, values.megapixels].map(Number);
if (![count, rounds].every((n) => Number.isInteger(n) && n >= 2) || !(megapixels > 0)) {
  console.error(
    "bench: --pictures and --rounds: expected whole numbers from 2, --megapixels above 0",
  );
  process.exit(2);
}
const folder = mkdtempSync(join(os.tmpdir(), "softpool-bench-"));
try {
  const pictures = join(folder, "pictures");
  mkdirSync(pictures);
  const side = Math.round(Math.sqrt(megapixels * 1e6));
  const files = Array.from({ length: count }, (_, i) => join(pictures, `${1000 + i}.png`));
  for (const [i, file] of files.entries()) await makePicture(file, side, i);
  const find = [
    "-c",
    "import torch, scipy, skimage; print(torch.__version__, skimage.__version__)",
  ];
  const found = PYTHONS.map((python) => ({
    python,
    ...spawnSync(python, find, { encoding: "utf8" }),
  })).find(({ status }) => status === 0);
  const [torch, skimage] = found?.stdout.trim().split(" ") ?? [];
  console.log(
    `${count} pictures of ${side} x ${side}, kernels ${KERNELS}, methods ${METHODS}, protocols ${PROTOCOLS}; ` +
      `${os.cpus()[0]?.model.trim()}, ${os.availableParallelism()} processors, Node ${process.versions.node}` +
      (found
        ? `, PyTorch ${torch}, scikit-image ${skimage}`
        : "; Python with PyTorch and scikit-image was not found"),
  );
  const best = { ours: Infinity, theirs: Infinity };
  for (let round = 1; round <= rounds; round++) {
    const results = join(folder, `results-${round}`);
    const first = await ours(pictures, results);
    best.ours = Math.min(best.ours, first);
    let line = `round ${round}: ${first.toFixed(1)} s`;
    if (found) {
      const { seconds, halves } = await theirs(found.python, files);
      best.theirs = Math.min(best.theirs, seconds);
      const { ssim, psnr } = distance(results, halves);
      line += `, Python ${seconds.toFixed(1)} s; means differ by ${ssim.toExponential(1)} in SSIM, ${psnr.toExponential(1)} dB in PSNR`;
    }
    console.log(line);
  }
  if (found) {
    console.log(
      `fastest: ${best.ours.toFixed(1)} s, Python ${best.theirs.toFixed(1)} s: ${(best.theirs / best.ours).toFixed(2)} times as fast (target 3)`,
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
