/**
 * The package in a real browser: a page bundled by Vite, served with and without cross-origin
 * isolation, on the main thread and in a worker. Skipped where there is no Chromium; with CI_FULL=1 a
 * skip is a failure.
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

const executable = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
].find((path) => existsSync(path));
const full = process.env.CI_FULL === "1";
if (executable === undefined && !full) {
  console.warn("SKIPPED: no Chromium found, the browser tests of softpool do not run here");
}
const here = dirname(fileURLToPath(import.meta.url));
let browser: Browser;
let server: Server;
let folder = "";
let address = "";

/** What the page and its worker run: every way of calling, compared with the reference. */
const checks = `
import { engineInfo, ready, softPool2d, softPool2dAsync, softPool2dBackward, empty } from "PACKAGE";
const shape = [2, 3, 257, 259];
const data = Float32Array.from({ length: 2 * 3 * 257 * 259 }, (_, i) => Math.sin(i * 0.7) * 3);
const far = (a, b) => a.reduce((worst, v, i) => Math.max(worst, Math.abs(v - b[i])), 0);
export async function check() {
  await ready();
  const results = {};
  const wait = () => new Promise((resolve) => setTimeout(resolve, 50));
  for (const o of [{ kernelSize: 2 }, { kernelSize: 3, stride: 2, padding: 1 }]) {
    const small = { data: data.subarray(0, 3 * 40 * 41), shape: [1, 3, 40, 41] };
    const reference = softPool2d(small, { ...o, engine: "reference" });
    results["reference " + o.kernelSize] = far(softPool2d(small, o).data, reference.data);
    const x = empty(shape);
    x.data.set(data);
    const one = softPool2d({ data, shape }, { ...o, threads: 1 });
    for (let i = 0; i < 3; i++) {
      const sync = softPool2d(x, { ...o, threads: 3 });
      const later = await softPool2dAsync(x, { ...o, threads: 3 });
      results["sync " + o.kernelSize] = far(sync.data, one.data);
      results["async " + o.kernelSize] = far(later.data, one.data);
      await wait();
    }
    const gx = softPool2dBackward(one, { data, shape }, o);
    results["backward " + o.kernelSize] = gx.data.some(Number.isNaN) ? 1 : 0;
  }
  return { results, info: engineInfo() };
}
`;

beforeAll(async () => {
  if (executable === undefined) return;
  folder = mkdtempSync(join(tmpdir(), "softpool-browser-"));
  const entry = join(here, "../dist/index.js");
  writeFileSync(join(folder, "check.js"), checks.replace('"PACKAGE"', JSON.stringify(entry)));
  writeFileSync(
    join(folder, "worker.js"),
    'import { check } from "./check.js"; check().then((r) => postMessage(r), (e) => postMessage({ error: String(e) }));',
  );
  writeFileSync(
    join(folder, "page.js"),
    `import { check } from "./check.js";
     window.inPage = check;
     window.inWorker = () => new Promise((resolve) => {
       new Worker(new URL("./worker.js", import.meta.url), { type: "module" }).onmessage = (e) => resolve(e.data);
     });`,
  );
  writeFileSync(
    join(folder, "index.html"),
    '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>',
  );
  await build({
    root: folder,
    configFile: false,
    logLevel: "silent",
    worker: { format: "es" },
    build: { outDir: "out", minify: true, target: "es2022" },
  });
  const types: Record<string, string> = { ".html": "text/html", ".js": "text/javascript" };
  server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://localhost");
    const path = join(folder, "out", url.pathname === "/" ? "index.html" : url.pathname);
    if (!existsSync(path)) {
      response.writeHead(404).end();
      return;
    }
    const headers: Record<string, string> = { "content-type": types[extname(path)] ?? "" };
    if (url.searchParams.has("isolated") || request.headers.referer?.includes("isolated")) {
      headers["cross-origin-opener-policy"] = "same-origin";
      headers["cross-origin-embedder-policy"] = "require-corp";
      headers["cross-origin-resource-policy"] = "same-origin";
    }
    response.writeHead(200, headers).end(readFileSync(path));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  browser = await chromium.launch({
    executablePath: executable,
    args: [
      "--no-sandbox",
      "--disable-gpu",
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
  results: Record<string, number>;
  info: { sharedMemory: boolean; threads: number; asyncThreads: number; workers: number };
}

test.skipIf(executable === undefined && !full).each([
  { isolated: true, where: "inPage" },
  { isolated: true, where: "inWorker" },
  { isolated: false, where: "inPage" },
  { isolated: false, where: "inWorker" },
])("in Chromium: %o", async ({ isolated, where }) => {
  expect(executable, "Chromium is needed here").toBeDefined();
  const page = await browser.newPage();
  const problems: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(message.text());
  });
  page.on("pageerror", (error) => problems.push(error.message));
  await page.goto(isolated ? `${address}?isolated` : address);
  await page.waitForFunction((name) => name in window, where);
  const { results, info } = (await page.evaluate(
    (name) => (window as unknown as Record<string, () => Promise<unknown>>)[name](),
    where,
  )) as Outcome;
  for (const [name, maxdiff] of Object.entries(results)) {
    expect(maxdiff, name).toBeLessThan(name.startsWith("reference") ? 2e-6 : 1e-12);
  }
  expect(Object.keys(results).length).toBe(8);
  expect(info.sharedMemory).toBe(isolated);
  // A page's main thread must not wait: only asynchronous calls have threads there.
  if (isolated) {
    expect(info.asyncThreads).toBeGreaterThan(1);
    expect(info.threads > 1).toBe(where === "inWorker");
    expect(info.workers).toBeGreaterThan(0);
  } else expect(info.asyncThreads).toBe(1);
  expect(problems).toEqual([]);
  await page.close();
});
