/**
 * The sessions in a real browser: a page bundled by Vite, served with and without cross-origin
 * isolation, the CPU and the WebGPU provider, with ONNX Runtime from the bundle and from a folder of its
 * own. Uses the built package. Skipped where there is no Chromium; with CI_FULL=1 a skip is a failure.
 */
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { builtFile, openSite, type Site, skipBrowser } from "../../../test/browser.js";
import { Graph } from "../src/graph.ts";
import { writeModel } from "../src/model.ts";
import { exp, mul } from "../src/ops/elementwise.ts";

const runtime = new URL("../../../node_modules/onnxruntime-web/dist/", import.meta.url);
let site: Site | undefined;

/** What the page runs: the same model, whole and halved floats, on a provider, two calls at once. */
const page = `
import { createSession, fromRun, toRun } from ${builtFile("onnx/dist/session-web.js")};
const bytes = async (name) => new Uint8Array(await (await fetch(name)).arrayBuffer());
window.check = async (options) => {
  const [log, far, errors] = [[], [], []];
  const settings = { ...options, log: (line) => log.push(line) };
  if (options.folder) {
    settings.module = await import(/* @vite-ignore */ "/ort/ort.wasm.min.mjs");
    settings.wasm = new URL("/ort/", location.href).href;
  }
  let session;
  for (const dtype of ["float32", "float16"]) {
    session = await createSession(await bytes("/" + dtype + ".onnx"), settings);
    const data = Float64Array.from({ length: 600 }, (_, i) => Math.round(Math.sin(i) * 64) / 64);
    const feeds = { x: toRun({ dtype, shape: [2, 300], data }) };
    const run = () => session.run(feeds).catch((error) => ({ error: error.message }));
    for (const { y, error } of await Promise.all([run(), run()])) {
      if (error) {
        errors.push(error);
        continue;
      }
      const { data: values } = fromRun(y);
      far.push(values.reduce((m, v, i) => Math.max(m, Math.abs(v - data[i] * Math.exp(data[i]))), 0));
    }
    await session.dispose();
  }
  const message = (work) => work().then(() => "nothing", (e) => e.name + ": " + e.message);
  const broken = await bytes("/broken.onnx");
  errors.push(await message(() => createSession(broken, settings)));
  errors.push(
    await message(() => createSession(broken, { ...settings, provider: "cuda", strict: true })),
  );
  return { far, log, errors, provider: session.provider, isolated: crossOriginIsolated };
};
`;

/** x e^x */
function model(dtype: "float32" | "float16" | "float64"): Uint8Array {
  const g = new Graph(17);
  const x = g.input("x", dtype, ["n", 300]);
  const y = mul(g, x, exp(g, x));
  if (dtype === "float64") g.op("Nope", [x], {}, { name: "the node" });
  g.output({ ...g.op("Identity", [y], {}, { outputNames: ["y"] }) });
  return writeModel(g.toModel());
}

beforeAll(async () => {
  if (skipBrowser) return;
  site = await openSite({
    modules: { "page.js": page },
    files: {
      "/float32.onnx": model("float32"),
      "/float16.onnx": model("float16"),
      "/broken.onnx": model("float64"),
    },
    folders: { "/ort/": fileURLToPath(runtime) },
  });
}, 120_000);

afterAll(() => site?.close());

interface Outcome {
  far: number[];
  log: string[];
  errors: string[];
  provider: string;
  isolated: boolean;
}

const cuda = "provider cuda is not used: browsers have cpu and webgpu, but not cuda";

test
  .skipIf(skipBrowser)
  .each([
    { isolated: true, threads: 2 },
    { isolated: false },
    { isolated: false, threads: 2, said: "one thread instead of 2: the page is not cross-origin" },
    { isolated: false, folder: true },
    { isolated: false, provider: "webgpu", runs: "webgpu" },
    { isolated: false, provider: "cuda", runs: "webgpu", said: cuda },
  ])("in Chromium: %o", async ({ isolated, said, runs = "cpu", ...options }) => {
  const { address, open } = site as Site;
  const tab = await open("check", isolated);
  const outcome = await tab.call<Outcome>("check", options);
  const { far, log, errors } = outcome;
  expect([outcome.provider, outcome.isolated]).toEqual([runs, isolated]);
  // The software adapter has no float16; then the error names the node.
  const halves = runs === "cpu" || errors.length === 2;
  expect(far.length).toBe(halves ? 4 : 2);
  for (const [i, maxdiff] of far.entries()) {
    expect(maxdiff, `maxdiff of ${i < 2 ? "float32" : "float16"}`).toBeLessThan(
      i < 2 ? 2e-6 : 4e-3,
    );
  }
  if (!halves) expect(errors[0]).toMatch(/^run: node "exp" \(Exp\): .*requires f16/);
  expect(errors.at(-2)).toMatch(
    /^OnnxError: createSession: provider cpu: No Op registered for Nope/,
  );
  expect(errors.at(-1)).toBe(
    "OnnxError: createSession: provider cuda: browsers have cpu and webgpu, but not cuda",
  );
  expect(log.length > 0).toBe(said !== undefined);
  if (said !== undefined) expect(log[0]).toContain(`softpool: ${said}`);
  expect(tab.fetched.filter((url) => !url.startsWith(address))).toEqual([]);
  const files = tab.fetched.filter((url) => url.endsWith(".wasm"));
  expect(files.length).toBeGreaterThan(0);
  const place = options.folder ? "ort" : "assets";
  expect(files.filter((url) => !url.startsWith(`${address}${place}/`))).toEqual([]);
  expect(tab.problems).toEqual([]);
  await tab.close();
});
