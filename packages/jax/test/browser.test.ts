/**
 * Devices of jax-js in a real browser, WebGL and WebGPU on a software adapter. Uses the built package. Takes minutes,
 * so it runs with CI_FULL=1 only, where a missing Chromium is a failure.
 */
import { expect, test } from "vitest";
import { openPage } from "../../tfjs/test/chromium.js";

const full = process.env.CI_FULL === "1";
if (!full) console.warn("SKIPPED: CI_FULL is not 1, jax-js is not tested in a browser here");

test.skipIf(!full).each([
  ["wasm", 10],
  ["webgl", 60],
  ["webgpu", 40],
])("device %s in Chromium", { timeout: 400_000 }, async (device, step) => {
  const page = await openPage(new URL("./page.ts", import.meta.url));
  try {
    type Outcome = { cases: number; failures: string[] };
    const { cases, failures } = await page.call<Outcome>("check", device, 4e-6, step);
    expect(failures.slice(0, 5), `${failures.length} of ${cases}`).toEqual([]);
    expect(cases).toBeGreaterThan(30);
  } finally {
    await page.close();
    expect(page.problems).toEqual([]);
  }
});
