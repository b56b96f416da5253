/**
 * The swap in a real browser: a page reads a network, swaps its pooling and runs it on onnxruntime-web.
 * Uses the built packages. Skipped where there is no Chromium; with CI_FULL=1 a skip is a failure.
 */
import {
  evaluate,
  Graph,
  globalAveragePool,
  maxPool,
  poolWindow,
  readModel,
  writeModel,
} from "@softpool/onnx";
import { expect, test } from "vitest";
import { builtFile, openSite, skipBrowser } from "../../../test/browser.js";
import { swapPooling } from "../src/swap.ts";
import { numbers } from "./run.ts";

const page = `
import { readModel, writeModel } from ${builtFile("onnx/dist/index.js")};
import { createSession } from ${builtFile("onnx/dist/session-web.js")};
import { swapPooling } from ${builtFile("poolings/dist/index.js")};
window.run = async (values, shape, provider) => {
  const bytes = new Uint8Array(await (await fetch("/net.onnx")).arrayBuffer());
  const results = [];
  for (const inline of [false, true]) {
    const { model, decisions } = swapPooling(readModel(bytes), { inline });
    const session = await createSession(writeModel(model), { provider, log: () => {} });
    const x = { dtype: "float32", shape, data: Float32Array.from(values) };
    const { y } = await session.run({ x });
    results.push({ y: Array.from(y.data), shape: y.shape, runs: session.provider, decisions: decisions.length });
    await session.dispose();
  }
  return results;
};
`;

interface Result {
  y: number[];
  shape: number[];
  runs: string;
  decisions: number;
}

test.skipIf(skipBrowser)("a page swaps a network and runs it", async () => {
  const g = new Graph(17);
  const x = g.input("x", "float32", ["n", 4, "h", "w"]);
  const pooled = maxPool(g, x, poolWindow([3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] }));
  const y = globalAveragePool(g, pooled);
  g.output(g.op("Identity", [y], {}, { outputNames: ["y"] }));
  const bytes = writeModel(g.toModel());
  const input = numbers([2, 4, 11, 8], 7);
  const right = evaluate(readModel(writeModel(swapPooling(readModel(bytes)).model)), {
    x: input,
  }).y;

  const site = await openSite({ modules: { "page.js": page }, files: { "/net.onnx": bytes } });
  try {
    const tab = await site.open("run");
    for (const provider of ["cpu", "webgpu"]) {
      const args = [Array.from(input.data), [...input.shape], provider];
      for (const result of await tab.call<Result[]>("run", ...args)) {
        expect([result.runs, result.decisions]).toEqual([provider, 2]);
        expect(result.shape).toEqual(right.shape);
        for (const [i, value] of result.y.entries()) expect(value).toBeCloseTo(right.data[i], 5);
      }
    }
    expect(tab.problems).toEqual([]);
  } finally {
    await site.close();
  }
});
