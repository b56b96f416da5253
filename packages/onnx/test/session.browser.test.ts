/**
 * The sessions in a real browser: a page bundled by Vite, served with and without cross-origin
 * isolation, the CPU and the WebGPU provider, with ONNX Runtime from the bundle and from a folder of its
 * own. Uses the built package. Skipped where there is no Chromium; with CI_FULL=1 a skip is a failure.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, chromium } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Graph } from "../src/graph.ts";
import { writeModel } from "../src/model.ts";
import { exp, mul } from "../src/ops/elementwise.ts";

const executable = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
].find((path) => existsSync(path));
const full = process.env.CI_FULL === "1";
if (executable === undefined && !full) {
  console.warn("SKIPPED: no Chromium found, the browser tests of @softpool/onnx do not run here");
}
const here = dirname(fileURLToPath(import.meta.url));
const runtime = join(here, "../../../node_modules/onnxruntime-web/dist");
let browser: Browser;
let server: Server;
let folder = "";
let address = "";

/** What the page runs: the same model, whole and halved floats, on a provider, two calls at once. */
const page = `
import { createSession, fromRun, toRun } from "PACKAGE";
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
  if (executable === undefined) return;
  folder = mkdtempSync(join(tmpdir(), "softpool-session-"));
  const entry = join(here, "../dist/session-web.js");
  writeFileSync(join(folder, "page.js"), page.replace('"PACKAGE"', JSON.stringify(entry)));
  writeFileSync(
    join(folder, "index.html"),
    '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>',
  );
  await build({
    root: folder,
    configFile: false,
    logLevel: "silent",
    build: { outDir: "out", minify: false, target: "es2022" },
  });
  const models = new Map<string, Uint8Array>([
    ["/float32.onnx", model("float32")],
    ["/float16.onnx", model("float16")],
    ["/broken.onnx", model("float64")],
  ]);
  const types: Record<string, string> = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".wasm": "application/wasm",
  };
  server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
    const path = pathname.startsWith("/ort/")
      ? join(runtime, pathname.slice(5))
      : join(folder, "out", pathname === "/" ? "index.html" : pathname);
    const bytes = models.get(pathname) ?? (existsSync(path) ? readFileSync(path) : undefined);
    if (bytes === undefined) {
      response.writeHead(404).end();
      return;
    }
    const headers: Record<string, string> = { "content-type": types[extname(path)] ?? "" };
    if (pathname !== "/" || searchParams.has("isolated")) {
      headers["cross-origin-opener-policy"] = "same-origin";
      headers["cross-origin-embedder-policy"] = "require-corp";
      headers["cross-origin-resource-policy"] = "same-origin";
    }
    response.writeHead(200, headers).end(bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  browser = await chromium.launch({
    executablePath: executable,
    args: [
      "--no-sandbox",
      "--enable-unsafe-webgpu",
      "--use-webgpu-adapter=swiftshader",
      "--enable-features=Vulkan",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
});

afterAll(async () => {
  await browser?.close();
  server?.close();
  if (folder !== "") rmSync(folder, { recursive: true, force: true });
});

interface Outcome {
  far: number[];
  log: string[];
  errors: string[];
  provider: string;
  isolated: boolean;
}

const cuda = "provider cuda is not used: browsers have cpu and webgpu, but not cuda";

test
  .skipIf(executable === undefined && !full)
  .each([
    { isolated: true, threads: 2 },
    { isolated: false },
    { isolated: false, threads: 2, said: "one thread instead of 2: the page is not cross-origin" },
    { isolated: false, folder: true },
    { isolated: false, provider: "webgpu", runs: "webgpu" },
    { isolated: false, provider: "cuda", runs: "webgpu", said: cuda },
  ])("in Chromium: %o", async ({ isolated, said, runs = "cpu", ...options }) => {
  expect(executable, "Chromium is needed here").toBeDefined();
  const page = await browser.newPage();
  const problems: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(message.text());
  });
  page.on("pageerror", (error) => problems.push(error.message));
  const fetched: string[] = [];
  page.on("request", (request) => fetched.push(request.url()));
  await page.goto(isolated ? `${address}?isolated` : address);
  await page.waitForFunction(() => "check" in window);
  const outcome = (await page.evaluate(
    (o) => (window as unknown as { check(o: unknown): Promise<unknown> }).check(o),
    options,
  )) as Outcome;
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
  expect(fetched.filter((url) => !url.startsWith(address))).toEqual([]);
  const files = fetched.filter((url) => url.endsWith(".wasm"));
  expect(files.length).toBeGreaterThan(0);
  const place = options.folder ? "ort" : "assets";
  expect(files.filter((url) => !url.startsWith(`${address}${place}/`))).toEqual([]);
  expect(problems).toEqual([]);
  await page.close();
});
