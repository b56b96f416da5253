/** Keras models with their pooling replaced: every kind of model, weights, names, the account. */
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import * as tfl from "@tensorflow/tfjs-layers";
import { beforeAll, expect, test } from "vitest";
import { keras, load, numbers, save } from "../test/models.ts";
import { replacePooling, softPooling1d, softPooling2d, softPooling3d } from "./index.ts";

beforeAll(() => tf.setBackend("cpu"));

/** The same numbers, element by element. */
function same(a: tf.Tensor, b: tf.Tensor): void {
  expect(a.shape).toEqual(b.shape);
  expect([...a.dataSync()]).toEqual([...b.dataSync()]);
}

/** Weights by their saved names. */
function weightsOf(model: tfl.LayersModel): Record<string, number[]> {
  const all = model.weights.map((w) => [w.originalName, [...w.read().dataSync()]]);
  return Object.fromEntries(all);
}

const soft = { 1: softPooling1d, 2: softPooling2d, 3: softPooling3d };

test("a loaded Sequential model", async () => {
  const model = await load(await save(keras()));
  // Statistics that are not those of a fresh layer.
  const norm = model.getLayer("norm_1");
  norm.setWeights(norm.getWeights().map((w, i) => tf.add(tf.abs(w), 0.1 * (i + 1))));
  model.getLayer("conv_2").trainable = false;
  const x = numbers([2, 12, 12, 2]);
  const before = (model.predict(x) as tf.Tensor).dataSync();
  const weights = weightsOf(model);

  const { model: swapped, decisions } = replacePooling(model);
  expect(decisions).toEqual([
    { layer: "pool_1", kind: "maximum", action: "replace" },
    { layer: "pool_2", kind: "average", action: "replace" },
    {
      layer: "global",
      kind: "global-average",
      action: "keep",
      reason: "global poolings stay as they are",
    },
  ]);
  expect(swapped.name).toBe("keras_net");
  expect(swapped.layers.map((l) => l.name)).toEqual(model.layers.map((l) => l.name));
  expect(swapped.layers.map((l) => l.getClassName())).toEqual([
    "Conv2D",
    "BatchNormalization",
    "SoftPooling2D",
    "Conv2D",
    "SoftPooling2D",
    "GlobalAveragePooling2D",
    "Dense",
  ]);
  expect(weightsOf(swapped)).toEqual(weights);
  expect(swapped.trainableWeights.map((w) => w.originalName)).toEqual(
    model.trainableWeights.map((w) => w.originalName),
  );
  // By hand, layer by layer.
  let wanted: tf.Tensor = x;
  for (const layer of model.layers) {
    const windows: Record<string, object> = {
      pool_1: { poolSize: 3, strides: 2, padding: "same" },
      pool_2: { poolSize: 2 },
    };
    const pool = layer.name in windows ? softPooling2d(windows[layer.name]) : layer;
    wanted = pool.apply(wanted) as tf.Tensor;
  }
  same(swapped.predict(x) as tf.Tensor, wanted);

  // The other model is as it was, and weights are not shared.
  swapped.setWeights(swapped.getWeights().map((w) => tf.zerosLike(w)));
  expect(weightsOf(model)).toEqual(weights);
  expect((model.predict(x) as tf.Tensor).dataSync()).toEqual(before);
});

test("functional models: branches, layers that are shared, models and wrappers around poolings", async () => {
  const { layers } = tfl;
  const glorot = () => tfl.initializers.glorotNormal({ seed: 3 });
  const shared = layers.averagePooling2d({ poolSize: 2, strides: 1, name: "shared" });
  const block = tfl.sequential({
    name: "block",
    layers: [
      layers.conv2d({
        inputShape: [7, 7, 3],
        filters: 3,
        kernelSize: 1,
        name: "inner_conv",
        kernelInitializer: glorot(),
      }),
      layers.maxPooling2d({ poolSize: 2, name: "inner_pool" }),
    ],
  });
  const tail = (() => {
    const at = tfl.input({ shape: [7, 7, 3], name: "tail_in" });
    const pooled = layers.maxPooling2d({ poolSize: 2, name: "tail_pool" }).apply(at);
    return tfl.model({ inputs: at, outputs: pooled as tfl.SymbolicTensor, name: "tail" });
  })();
  const a = tfl.input({ shape: [8, 8, 3], name: "a" });
  const b = tfl.input({ shape: [8, 8, 3], name: "b" });
  const left = shared.apply(a) as tfl.SymbolicTensor;
  const right = shared.apply(b) as tfl.SymbolicTensor;
  const parts = [block.apply(left), block.apply(right), tail.apply(left)] as tfl.SymbolicTensor[];
  const joined = layers.concatenate({ name: "join" }).apply(parts) as tfl.SymbolicTensor;
  const top = layers.dense({ units: 2, name: "top", kernelInitializer: glorot() }).apply(joined);
  const model = tfl.model({
    inputs: [a, b],
    outputs: [top as tfl.SymbolicTensor, right],
    name: "net",
  });
  const loaded = await load(await save(model));

  const { model: swapped, decisions } = replacePooling(loaded, { beta: 2 });
  expect(decisions.map(({ layer, action }) => `${layer} ${action}`).sort()).toEqual([
    "block/inner_pool replace",
    "shared replace",
    "tail/tail_pool replace",
  ]);
  expect(weightsOf(swapped)).toEqual(weightsOf(loaded));
  const xs = [numbers([2, 8, 8, 3]), numbers([2, 8, 8, 3], -2)];
  const pool = (x: tf.Tensor, poolSize: number, strides = poolSize) =>
    softPooling2d({ poolSize, strides, beta: 2 }).apply(x) as tf.Tensor;
  const [l, r] = xs.map((x) => pool(x, 2, 1));
  const conv = (loaded.getLayer("block") as unknown as tfl.Sequential).layers[0];
  const blocks = [l, r].map((x) => pool(conv.apply(x) as tf.Tensor, 2));
  const wanted = loaded.getLayer("top").apply(tf.concat([...blocks, pool(l, 2)], -1)) as tf.Tensor;
  const outputs = swapped.predict(xs) as tf.Tensor[];
  same(outputs[0], wanted);
  same(outputs[1], r);

  // Once more through a file, now with the layers of this package.
  const again = await load(await save(swapped));
  (again.predict(xs) as tf.Tensor[]).forEach((y, i) => {
    same(y, outputs[i]);
  });
  expect(replacePooling(again).decisions).toEqual([]);
});

test("1D to 3D, both data formats, inside TimeDistributed", () => {
  const { layers } = tfl;
  for (const rank of [1, 2, 3] as const)
    for (const kind of ["max", "average"] as const)
      for (const dataFormat of rank === 1
        ? [undefined]
        : (["channelsFirst", "channelsLast"] as const))
        for (const wrapped of [false, true]) {
          const window = {
            poolSize: 3,
            strides: 2,
            padding: "same" as const,
            ...(dataFormat ? { dataFormat } : {}),
          };
          const makers = layers as unknown as Record<string, (args: object) => tfl.layers.Layer>;
          const one = [6, 5, 7].slice(0, rank);
          const shape = dataFormat === "channelsFirst" ? [2, ...one] : [...one, 2];
          const inputShape = wrapped ? [3, ...shape] : shape;
          const name = `${kind}Pooling${rank}d`;
          const layer = wrapped
            ? layers.timeDistributed({
                layer: makers[name]({ ...window, name: "pool" }),
                inputShape,
                name: "each",
              })
            : makers[name]({ ...window, inputShape, name: "pool" });
          const model = tfl.sequential({ layers: [layer] });
          const { model: swapped, decisions } = replacePooling(model);
          expect(decisions).toEqual([
            {
              layer: wrapped ? "each/pool" : "pool",
              kind: kind === "max" ? "maximum" : kind,
              action: "replace",
            },
          ]);
          const x = numbers([wrapped ? 1 : 2, ...inputShape]);
          const flat = wrapped ? tf.reshape(x, [3, ...shape]) : x;
          const wanted = soft[rank](window).apply(flat) as tf.Tensor;
          const y = swapped.predict(x) as tf.Tensor;
          same(tf.reshape(y, wanted.shape), wanted);
        }
});

test("which layers, and what is refused", () => {
  const model = keras();
  const actions = (options: object) =>
    replacePooling(model, options).decisions.map(({ action, reason }) => reason ?? action);
  const kept = "global poolings stay as they are";
  expect(actions({ from: ["average"] })).toEqual(["not in from", "replace", kept]);
  expect(actions({ only: ["*_1"] })).toEqual(["replace", "not in only", kept]);
  expect(actions({ except: ["pool_?"] })).toEqual(["in except", "in except", kept]);
  const { model: swapped } = replacePooling(model, {
    only: ["pool_2"],
    gradient: "weights",
    beta: 0.5,
  });
  expect(swapped.getLayer("pool_2").getConfig()).toMatchObject({ gradient: "weights", beta: 0.5 });
  for (const [options, message] of [
    [
      { only: ["pool_9"] },
      /^replacePooling: only: expected names of pooling layers, received pool_9 \(the model has pool_1, pool_2, global\)$/,
    ],
    [{ from: ["global"] }, /^replacePooling: from: expected an array of "maximum" and "average"/],
    [
      { kernel: 2 },
      /^replacePooling: options: expected from, only, except, beta, gradient, received kernel$/,
    ],
    [{ beta: [1] }, /^replacePooling: beta: expected a number, received \[1\]$/],
  ] as const) {
    expect(() => replacePooling(model, options as object)).toThrow(message);
  }
  expect(() => replacePooling({} as never)).toThrow(
    /^replacePooling: model: expected a LayersModel, received Object/,
  );
});
