/**
 * How long SoftPool takes beside `tf.avgPool` on the same backend of TensorFlow.js.
 *
 *     node packages/tfjs/bench/speed.js [cpu|wasm|webgl|webgpu] [--rounds 15] [--software] [--json]
 *
 * `cpu` and `wasm` run in Node, the others in Chromium, on its GPU or, with `--software`, on its software
 * adapter, which tells nothing about a GPU and gets the small inputs only. Prints the smallest time of each variant and the ratio of them; the
 * target is a ratio of at most 5 on `wasm` and `webgpu`.
 */
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { measure, workloads } from "./measure.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "15" },
    software: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});
const backend = positionals[0] ?? "wasm";
const rounds = Number(values.rounds);

/**
 * Measures all workloads in Node.
 * @returns {Promise<[string, import("./measure.js").Times][]>}
 */
async function inNode() {
  const tf = await import("@tensorflow/tfjs-core");
  await import(`@tensorflow/tfjs-backend-${backend}`);
  await tf.setBackend(backend);
  /** @type {[string, import("./measure.js").Times][]} */
  const all = [];
  for (const name of Object.keys(workloads)) all.push([name, await measure(name, rounds)]);
  return all;
}

/**
 * Measures all workloads in Chromium; tells the adapter.
 * @returns {Promise<{ all: [string, import("./measure.js").Times][], adapter: string }>}
 */
async function inPage() {
  const { openPage } = await import("../test/chromium.js");
  const module = new URL("./page.js", import.meta.url);
  const page = await openPage(module, values.software ? "software" : "card");
  try {
    /** @type {string} */
    const adapter = await page.call("adapter");
    /** @type {[string, import("./measure.js").Times][]} */
    const all = [];
    // The software adapter takes so long for others that the browser gives up.
    const names = Object.keys(workloads).filter(
      (name) => !values.software || name.startsWith("1x"),
    );
    for (const name of names) {
      all.push([name, await page.call("measure", backend, name, rounds)]);
    }
    return { all, adapter };
  } finally {
    await page.close();
  }
}

const node = backend === "cpu" || backend === "wasm";
const { all, adapter } = node ? { all: await inNode(), adapter: undefined } : await inPage();
const machine = { processor: cpus()[0].model, node: process.version, ...(adapter && { adapter }) };
if (values.json) {
  console.log(
    JSON.stringify({ backend, machine, rounds, times: Object.fromEntries(all) }, null, 1),
  );
} else {
  console.log(`${backend}, ${Object.values(machine).join(", ")}, smallest of ${rounds} rounds`);
  console.log("| input and window | average | soft | ratio | with gradient | soft | ratio |");
  console.log("| --- | --- | --- | --- | --- | --- | --- |");
  for (const [name, times] of all) {
    const [a, s, ga, gs] = Object.values(times).map((list) => Math.min(...list));
    const cells = [a, s, s / a, ga, gs, gs / ga].map((value, i) =>
      i % 3 === 2 ? value.toFixed(1) : `${value.toPrecision(3)} ms`,
    );
    console.log(`| ${[name, ...cells].join(" | ")} |`);
  }
}
process.exit(0);
