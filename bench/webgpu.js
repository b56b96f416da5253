/**
 * How near the WebGPU engine comes to its card: the bandwidth of each pooling (what it must read and
 * write, over its time) over that of a buffer copy of the same input, on workloads A to E; and where a
 * PyTorch with CUDA is present its poolings on the same card.
 *
 *     node bench/webgpu.js [--workloads ABCDE] [--seconds 0.5] [--rounds 5] [--json]
 *
 * Many runs are recorded into one command buffer and timed until the device is done; the smallest of
 * several rounds counts, the variants taking turns. The adapter is named. A software adapter computes on
 * the processor: its numbers tell nothing about a card.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createWebGPU } from "softpool/webgpu";
import { create } from "webgpu";
import { elements, WORKLOADS } from "./workloads.js";

const { values: options } = parseArgs({
  options: {
    workloads: { type: "string", default: "ABCDE" },
    seconds: { type: "string", default: "0.5" },
    rounds: { type: "string", default: "5" },
    json: { type: "boolean", default: false },
  },
});
const seconds = Number(options.seconds);
const rounds = Number(options.rounds);

const gpu = create([]);
const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
if (adapter === null) {
  console.error(
    "bench/webgpu: no WebGPU adapter here: a driver for Vulkan, Metal or D3D12 is needed",
  );
  process.exit(1);
}
const { maxStorageBufferBindingSize, maxBufferSize } = adapter.limits;
const device = await adapter.requestDevice({
  requiredLimits: { maxStorageBufferBindingSize, maxBufferSize },
});
const engine = await createWebGPU(device);
const info = engine.info();

/**
 * Milliseconds of one run, over as many as fill `limit` seconds.
 * @param {(encoder: GPUCommandEncoder) => void} record
 * @param {number} limit
 */
async function time(record, limit) {
  for (let runs = 1; ; ) {
    const encoder = device.createCommandEncoder();
    for (let i = 0; i < runs; i++) record(encoder);
    const commands = encoder.finish();
    await device.queue.onSubmittedWorkDone();
    const start = performance.now();
    device.queue.submit([commands]);
    await device.queue.onSubmittedWorkDone();
    const elapsed = performance.now() - start;
    if (elapsed >= 1000 * limit || runs >= 4096) return elapsed / runs;
    const wanted = Math.ceil((1.2 * 1000 * limit * runs) / Math.max(elapsed, 0.01));
    runs = Math.min(4096, Math.max(runs + 1, Math.min(wanted, runs * 16)));
  }
}

/**
 * The smallest time of each variant, in turns.
 * @param {Record<string, (encoder: GPUCommandEncoder) => void>} variants
 */
async function times(variants) {
  /** @type {Record<string, number>} */
  const best = {};
  for (const record of Object.values(variants)) await time(record, 0);
  for (let round = 0; round < rounds; round++) {
    const names = Object.keys(variants);
    for (const name of round % 2 === 0 ? names : names.reverse()) {
      const took = await time(variants[name], seconds / rounds);
      best[name] = Math.min(best[name] ?? Number.POSITIVE_INFINITY, took);
    }
  }
  return best;
}

/** PyTorch's times on the same workloads, or null where it has no CUDA. */
function pytorch() {
  const script = fileURLToPath(new URL("./webgpu.py", import.meta.url));
  for (const python of ["python3", "/usr/bin/python3"]) {
    const result = spawnSync(python, [script], {
      input: JSON.stringify(WORKLOADS.filter(({ id }) => options.workloads.includes(id))),
      encoding: "utf8",
    });
    if (result.status === 0) return JSON.parse(result.stdout);
  }
  return null;
}

/** @type {any[]} */
const rows = [];
for (const work of WORKLOADS) {
  if (!options.workloads.includes(work.id)) continue;
  const { shape, kernelSize, stride, padding, rank } = work;
  const layout = /** @type {any} */ (work.layout);
  const o = { kernelSize, stride, padding, layout };
  const count = elements(shape);
  const data = Float32Array.from({ length: count }, (_, i) => 3 * Math.sin(i * 1.7));
  const x = engine.upload({ data, shape });
  const copy = engine.empty(shape);
  const names = {
    soft: `softPool${rank}d`,
    average: `avgPool${rank}d`,
    maximum: `maxPool${rank}d`,
  };
  /** @type {Record<string, (encoder: GPUCommandEncoder) => void>} */
  const variants = {
    copy: (encoder) => encoder.copyBufferToBuffer(x.buffer, 0, copy.buffer, 0, 4 * count),
  };
  /** @type {Record<string, number>} */
  const bytes = { copy: 8 * count };
  const made = [];
  for (const [method, name] of Object.entries(names)) {
    const handle = await engine.prepare(/** @type {any} */ (name), x, o);
    const out = elements(handle.resultShape);
    variants[method] = (encoder) => handle.encode(encoder, x);
    bytes[method] = 4 * (count + out);
    made.push(handle);
    if (method !== "soft") continue;
    const back = await engine.prepare(/** @type {any} */ (`${name}Backward`), x, o);
    const g = engine.upload({ data: new Float32Array(out).fill(1), shape: handle.resultShape });
    variants["soft backward"] = (encoder) => back.encode(encoder, g, x);
    bytes["soft backward"] = 4 * (2 * count + out);
    made.push(back, g);
  }
  const best = await times(variants);
  for (const [variant, ms] of Object.entries(best)) {
    const rate = bytes[variant] / ms / 1e6;
    const ratio = rate / (bytes.copy / best.copy / 1e6);
    rows.push({ workload: work.id, variant, ms, gigabytesPerSecond: rate, ofCopy: ratio });
  }
  for (const item of [...made, x, copy]) item.dispose();
}

const rival = info.software ? null : pytorch();
if (options.json) console.log(JSON.stringify({ adapter: info, rows, pytorch: rival }, null, 2));
else {
  console.log(`adapter: ${info.adapter}`);
  if (info.software) {
    console.log("a SOFTWARE adapter: these numbers tell nothing about a card");
  }
  for (const { workload, variant, ms, gigabytesPerSecond, ofCopy } of rows) {
    const theirs = rival?.times[workload]?.[variant];
    const ratio =
      theirs === undefined ? "" : `  PyTorch ${theirs.toFixed(4)} ms, ${(theirs / ms).toFixed(2)}x`;
    console.log(
      `${workload} ${variant.padEnd(14)} ${ms.toFixed(4).padStart(10)} ms ${gigabytesPerSecond.toFixed(1).padStart(8)} GB/s ${(100 * ofCopy).toFixed(0).padStart(4)} % of a copy${ratio}`,
    );
  }
  if (rival) console.log(`PyTorch ${rival.torch} on ${rival.device}`);
  else console.log("no PyTorch with CUDA was compared");
}
device.destroy();
process.exit(0);
