/**
 * What the suite does not show of the WebGPU engine in a page: tensors that stay on the GPU, handles, and a
 * device that is lost and replaced. Skipped where there is no Chromium; with CI_FULL=1 that is a failure.
 */
import { afterAll, expect, test } from "vitest";
import { softPool2d, softPool2dBackward } from "../src/index.ts";
import { random, tolerances } from "./oracle.ts";
import { callPage, closePage, pageInfo, skipPage } from "./page.ts";

afterAll(closePage);

test.skipIf(skipPage)("buffers, handles and a lost device in Chromium", async () => {
  const next = random(4);
  const tensor = (shape: number[]) => ({
    data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => next() * 8 - 4),
    shape,
  });
  const o = { kernelSize: 2 };
  const x = tensor([2, 3, 64, 64]);
  const g = tensor([2, 3, 32, 32]);
  const got = (await callPage("scenario", [x, g, o])) as Record<string, Float32Array>;
  const once = softPool2d(x, o);
  const slopes = softPool2dBackward(g, x, o).data;
  for (const [name, wanted] of [
    ["twice", softPool2d(once, o).data],
    ["buffers", slopes],
    ["arrays", slopes],
    ["again", once.data],
  ] as const) {
    expect(got[name].length, name).toBe(wanted.length);
    const maxdiff = wanted.reduce((worst, v, i) => {
      return Math.max(worst, Math.abs(got[name][i] - v) / tolerances.webgpu.float32(v));
    }, 0);
    expect(maxdiff, name).toBeLessThan(1);
  }
  expect(got.reason).toBe("destroyed");
  expect(got.error).toMatch(
    /^softPool2d: device: expected a working device, received one that was lost/,
  );
  expect(pageInfo?.software).toBe(true);
});
