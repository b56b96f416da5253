/**
 * Every backend of TensorFlow.js in a real browser, WebGL and WebGPU on a software adapter: the suite, and a
 * Keras model whose pooling is replaced in the page. Uses the built package. Takes minutes, so it runs with
 * CI_FULL=1 only, where a missing Chromium is a failure.
 */
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { replacePooling } from "../src/index.ts";
import { compare } from "./cases.ts";
import { openPage } from "./chromium.js";
import { keras, load, numbers, save } from "./models.ts";
import { type Outcome, tolerances } from "./suite.ts";

const full = process.env.CI_FULL === "1";
if (!full) console.warn("SKIPPED: CI_FULL is not 1, TensorFlow.js is not tested in a browser here");

/** Of so many windows one is taken: each is compiled anew on a GPU. */
const steps: Record<string, number> = { cpu: 9, wasm: 1, webgl: 6, webgpu: 18 };

describe.skipIf(!full).each(Object.keys(steps))("backend %s in Chromium", (backend) => {
  let page: Awaited<ReturnType<typeof openPage>>;
  beforeAll(async () => {
    page = await openPage(new URL("./page.ts", import.meta.url));
  }, 120_000);
  afterAll(async () => {
    await page?.close();
    expect(page.problems).toEqual([]);
  });

  test.each([1, 2, 3])(
    "%dD: windows, layouts, temperatures",
    { timeout: 400_000 },
    async (rank) => {
      const { cases, failures } = await page.call<Outcome>(
        "windows",
        backend,
        rank,
        steps[backend],
      );
      expect(failures.slice(0, 5), `${failures.length} of ${cases}`).toEqual([]);
      expect(cases).toBeGreaterThan(20);
    },
  );

  test("values at the limits of float32, NaN and infinities", async () => {
    const { failures } = await page.call<Outcome>("values", backend);
    expect(failures.slice(0, 5), `${failures.length} failures`).toEqual([]);
  });

  test("no memory is left behind", async () => {
    expect((await page.call<Outcome>("memory", backend)).failures).toEqual([]);
  });

  test("a Keras model with its pooling replaced gives what it gives in Node, and learns", async () => {
    await tf.setBackend("cpu");
    const shape = [6, 12, 12, 2];
    const saved = await save(keras());
    const { model, decisions } = replacePooling(await load(saved));
    const wanted = (model.predict(numbers(shape)) as tf.Tensor).dataSync();
    type Swapped = { y: number[]; again: number[]; decisions: unknown };
    const swapped = await page.call<Swapped>("swap", backend, saved, shape);
    expect(swapped.decisions).toEqual(decisions);
    expect(swapped.again).toEqual(swapped.y);
    const wrong = compare(swapped.y, wanted, 5 * tolerances[backend], () => "probabilities");
    expect(wrong).toBe(undefined);
    // TensorFlow.js has no gradient of convolutions there.
    if (backend === "wasm") return;
    const losses = await page.call<number[]>("train", backend, saved, shape);
    expect(losses[4], `${losses}`).toBeLessThan(losses[0]);
  });
});
