import { expect, test } from "vitest";
import { maxDifference, random, runOrt } from "../../test/ort.ts";
import type { AttributeValues } from "../attributes.ts";
import { Graph } from "../graph.ts";
import { channelBlock } from "../session-node.ts";
import { tensor } from "../tensor.ts";
import { blockConvolutions, blockedModel, blockOf } from "./blocked-convolution.ts";

const cases: readonly [x: number[], weight: number[], AttributeValues, blocked: number][] = [
  [[5, 32, 16, 15], [64, 32, 3, 3], { pads: [1, 1, 1, 1] }, 1],
  [[3, 64, 41, 39], [32, 64, 5, 3], { pads: [2, 0, 1, 1], strides: [2, 1] }, 1],
  [[4, 32, 33, 17], [32, 32, 1, 2], { auto_pad: "SAME_UPPER" }, 1],
  [[4, 32, 33, 17], [32, 32, 3, 2], { pads: [2, 1, 2, 1], dilations: [2, 2] }, 1],
  [[64, 256, 8, 8], [256, 256, 3, 3], { pads: [1, 1, 1, 1] }, 1],
  // Two samples, one tap, channels or filters in part of a block, groups, few positions: as they are.
  [[2, 32, 32, 32], [32, 32, 3, 3], { pads: [1, 1, 1, 1] }, 0],
  [[5, 32, 16, 16], [64, 32, 1, 1], {}, 0],
  [[5, 3, 16, 16], [64, 3, 3, 3], {}, 0],
  [[5, 32, 20, 20], [33, 32, 3, 3], {}, 0],
  [[5, 64, 20, 20], [32, 32, 3, 3], { group: 2 }, 0],
  [[5, 32, 8, 8], [32, 32, 3, 3], {}, 0],
  [[8, 256, 14, 14], [256, 256, 3, 3], { pads: [1, 1, 1, 1] }, 0],
];

test("channels in blocks: the same convolution, as this machine has it", async () => {
  const block = await channelBlock();
  // Without vector instructions there are no blocks.
  if (block === undefined) return;
  expect(32 % block).toBe(0);
  for (const [shape, weight, attributes, count] of cases) {
    const g = new Graph(17);
    const x = g.input("x", "float32", shape);
    const w = g.input("w", "float32", weight);
    const bias = g.constant(tensor("float32", [weight[0]], 0.5));
    const a = g.op("Conv", [x, w, bias], attributes);
    const y = g.op("Add", [g.op("Relu", [a]), g.op("Conv", [x, w], attributes)]);
    g.output(y);
    const feeds = { x: random(shape), w: random(weight) };
    const plain = (await runOrt(g.toModel(), feeds))[y.name];
    expect(blockConvolutions(g, block), shape.join("x")).toBe(2 * count);
    // What two read is put into blocks once.
    expect(g.nodes.filter(({ opType }) => opType === "ReorderInput")).toHaveLength(count);
    const model = count > 0 ? blockedModel(g, "graph") : g.toModel();
    const theirs = (await runOrt(model, feeds))[y.name];
    expect(theirs.shape).toEqual(plain.shape);
    expect(maxDifference(theirs.data, plain.data), shape.join("x")).toBeLessThan(5e-4);
  }
});

test("a block is told by the order it makes; what is no block is none", () => {
  for (const block of [4, 8, 16, 32]) {
    const data: number[] = [];
    for (let from = 0; from < 64; from += block) {
      for (let p = 0; p < 2; p++) for (let c = 0; c < block; c++) data.push((from + c) * 2 + p);
    }
    expect(blockOf({ data })).toBe(block);
    data[3]++;
    expect(blockOf({ data })).toBeUndefined();
  }
  expect(blockOf({ data: Array.from({ length: 128 }, (_, i) => i) })).toBeUndefined();
});
