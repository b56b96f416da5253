/**
 * The package in a real browser: a page bundled by Vite, served with and without cross-origin
 * isolation, on the main thread and in a worker. Skipped where there is no Chromium; with CI_FULL=1 a
 * skip is a failure.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { builtFile, openSite, type Site, skipBrowser } from "../../../test/browser.js";

let site: Site | undefined;

/** What the page and its worker run: every way of calling, compared with the reference. */
const checks = `
import { engineInfo, ready, softPool2d, softPool2dAsync, softPool2dBackward, empty } from ${builtFile("softpool/dist/index.js")};
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
  if (skipBrowser) return;
  site = await openSite({
    modules: {
      "check.js": checks,
      "worker.js":
        'import { check } from "./check.js"; check().then((r) => postMessage(r), (e) => postMessage({ error: String(e) }));',
      "page.js": `import { check } from "./check.js";
     window.inPage = check;
     window.inWorker = () => new Promise((resolve) => {
       new Worker(new URL("./worker.js", import.meta.url), { type: "module" }).onmessage = (e) => resolve(e.data);
     });`,
    },
    minify: true,
    graphics: "none",
  });
}, 120_000);

afterAll(() => site?.close());

interface Outcome {
  results: Record<string, number>;
  info: { sharedMemory: boolean; threads: number; asyncThreads: number; workers: number };
}

test.skipIf(skipBrowser).each([
  { isolated: true, where: "inPage" },
  { isolated: true, where: "inWorker" },
  { isolated: false, where: "inPage" },
  { isolated: false, where: "inWorker" },
])("in Chromium: %o", async ({ isolated, where }) => {
  const tab = await (site as Site).open(where, isolated);
  const { results, info } = await tab.call<Outcome>(where);
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
  expect(tab.problems).toEqual([]);
  await tab.close();
});
