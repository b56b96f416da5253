/** The layers: shapes, training, saving and loading, arguments. */
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import * as tfl from "@tensorflow/tfjs-layers";
import { beforeAll, expect, test } from "vitest";
import { load, numbers, save } from "../test/models.ts";
import {
  type SoftPoolingArgs,
  softPool1d,
  softPool2d,
  softPool3d,
  softPooling1d,
  softPooling2d,
  softPooling3d,
} from "./index.ts";

beforeAll(() => tf.setBackend("cpu"));

const makers = [softPooling1d, softPooling2d, softPooling3d];
const pools = [softPool1d, softPool2d, softPool3d] as ((x: tf.Tensor, o: object) => tf.Tensor)[];
const layouts = [
  ["NLC", "NCL"],
  ["NHWC", "NCHW"],
  ["NDHWC", "NCDHW"],
];

test("a layer is its function, of the shape it announces, and the same after saving", async () => {
  for (const rank of [1, 2, 3])
    for (const dataFormat of ["channelsLast", "channelsFirst"] as const)
      for (const args of [
        {},
        { poolSize: 3, strides: 2, padding: "same" },
        { poolSize: [3, 2, 2].slice(0, rank), strides: [1, 2, 3].slice(0, rank), beta: -0.5 },
        { beta: [1, Number.POSITIVE_INFINITY], gradient: "weights" },
        { beta: Number.NEGATIVE_INFINITY, poolSize: 2, strides: null },
      ] as SoftPoolingArgs[]) {
        const first = dataFormat === "channelsFirst";
        const spatial = [7, 6, 5].slice(0, rank);
        const inputShape = first ? [2, ...spatial] : [...spatial, 2];
        const layer = makers[rank - 1]({ ...args, dataFormat, inputShape, name: "Soft_pool" });
        const model = tfl.sequential({ layers: [layer as tfl.layers.Layer] });
        const x = numbers([3, ...inputShape]);
        const y = model.predict(x) as tf.Tensor;
        expect(model.outputs[0].shape.slice(1)).toEqual(y.shape.slice(1));
        const wanted = pools[rank - 1](x, {
          kernelSize: args.poolSize ?? 2,
          stride: args.strides ?? args.poolSize ?? 2,
          padding: args.padding ?? "valid",
          beta: args.beta ?? 1,
          layout: layouts[rank - 1][Number(first)],
        });
        expect(y.dataSync()).toEqual(wanted.dataSync());

        const loaded = await load(await save(model));
        expect(loaded.layers.at(-1)?.name).toBe("Soft_pool");
        expect(loaded.layers.at(-1)?.getConfig()).toEqual(layer.getConfig());
        expect((loaded.predict(x) as tf.Tensor).dataSync()).toEqual(y.dataSync());
      }
});

test("sizes that are not known yet stay so", () => {
  const layer = softPooling2d({ poolSize: 3, strides: 2, padding: "same" });
  expect(layer.computeOutputShape([null, null, 9, 4])).toEqual([null, null, 5, 4]);
});

test("a model is trained, saved and loaded, and gives the same", async () => {
  for (const gradient of ["exact", "weights"] as const) {
    const seed = 5;
    const model = tfl.sequential({
      layers: [
        tfl.layers.conv2d({
          inputShape: [8, 8, 1],
          filters: 4,
          kernelSize: 3,
          activation: "relu",
          kernelInitializer: tfl.initializers.glorotNormal({ seed }),
        }),
        softPooling2d({ gradient }) as tfl.layers.Layer,
        tfl.layers.flatten(),
        tfl.layers.dense({
          units: 1,
          activation: "sigmoid",
          kernelInitializer: tfl.initializers.glorotNormal({ seed }),
        }),
      ],
    });
    // Which half is brighter.
    const x = tf.tidy(() => {
      const noise = tf.randomNormal([32, 8, 8, 1], 0, 0.3, "float32", 3);
      const side = tf.tensor(
        Float32Array.from({ length: 32 * 64 }, (_, i) =>
          Number((Math.floor(i / 64) % 2 === 0) === Math.floor(i / 8) % 8 < 4),
        ),
        [32, 8, 8, 1],
      );
      return tf.add(noise, side);
    });
    const y = tf.tensor(
      Float32Array.from({ length: 32 }, (_, i) => Number(i % 2 === 0)),
      [32, 1],
    );
    model.compile({ optimizer: tf.train.adam(0.02), loss: "binaryCrossentropy" });
    const { history } = await model.fit(x, y, {
      epochs: 15,
      batchSize: 16,
      shuffle: false,
      verbose: 0,
    });
    const [start, end] = [history.loss[0], history.loss[14]] as number[];
    expect(end, `${gradient}: loss ${start} before, ${end} after`).toBeLessThan(start / 3);
    const loaded = await load(await save(model));
    const before = (model.predict(x) as tf.Tensor).dataSync();
    expect((loaded.predict(x) as tf.Tensor).dataSync()).toEqual(before);
  }
});

test("arguments that are wrong are refused in one sentence", () => {
  const wrong: [object, RegExp][] = [
    [
      { poolSize: 0 },
      /^softPooling2d: poolSize: expected an integer of at least 1 or 2 of them, received 0$/,
    ],
    [{ poolSize: [2] }, /^softPooling2d: poolSize: .*received \[2\]$/],
    [{ strides: 1.5 }, /^softPooling2d: strides: .*received 1\.5$/],
    [{ padding: "full" }, /^softPooling2d: padding: expected "valid" or "same", received "full"$/],
    [
      { dataFormat: "NHWC" },
      /^softPooling2d: dataFormat: expected "channelsLast" or "channelsFirst"/,
    ],
    [{ beta: "hot" }, /^softPooling2d: beta: .*received "hot"$/],
    [{ gradient: "none" }, /^softPooling2d: gradient: expected "exact" or "weights"/],
    [{ dilation: 2 }, /^softPooling2d: arguments: expected poolSize, .*received dilation$/],
  ];
  for (const [args, message] of wrong) expect(() => softPooling2d(args)).toThrow(message);
  const layer = softPooling2d({ beta: [1, 2], name: "mine" });
  expect(() => layer.apply(numbers([1, 4, 4, 3]))).toThrow(
    /^softPooling2d "mine": beta: expected a number or one per channel, 3 in all, received 2 numbers$/,
  );
});
