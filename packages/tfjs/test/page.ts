/** What the test page runs, on the built package and every backend of TensorFlow.js: the suite, and a model. */
import "@tensorflow/tfjs-backend-cpu";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import "@tensorflow/tfjs-backend-webgl";
import "@tensorflow/tfjs-backend-webgpu";
import * as functions from "@softpool/tfjs";
import * as tf from "@tensorflow/tfjs-core";
import { load, numbers, type SavedModel, save } from "./models.ts";
import { checkMemory, checkValues, checkWindows } from "./suite.ts";

setWasmPaths("/tfjs/");

async function use(backend: string): Promise<void> {
  await tf.setBackend(backend);
  if (tf.getBackend() !== backend) throw new Error(`no ${backend} here, but ${tf.getBackend()}`);
}

Object.assign(window, {
  async windows(backend: string, rank: 1 | 2 | 3, step: number) {
    await use(backend);
    return checkWindows(functions, rank, step);
  },
  async values(backend: string) {
    await use(backend);
    return checkValues(functions);
  },
  async memory(backend: string) {
    await use(backend);
    return checkMemory(functions);
  },
  /** Loads a model, replaces its pooling, runs it, and once more after saving and loading. */
  async swap(backend: string, saved: SavedModel, shape: number[]) {
    await use(backend);
    const { model, decisions } = functions.replacePooling(await load(saved));
    const x = numbers(shape);
    const run = async (net: typeof model) => [...(await (net.predict(x) as tf.Tensor).data())];
    const y = await run(model);
    return { y, again: await run(await load(await save(model))), decisions };
  },
  /** Trains a model with SoftPool for some steps; the losses. */
  async train(backend: string, saved: SavedModel, shape: number[]) {
    await use(backend);
    const { model } = functions.replacePooling(await load(saved));
    model.compile({ optimizer: tf.train.sgd(0.5), loss: "meanSquaredError" });
    const x = numbers(shape);
    const labels = Array.from({ length: shape[0] }, (_, i) =>
      [0, 1, 2].map((k) => Number(k === i % 3)),
    );
    const { history } = await model.fit(x, tf.tensor(labels), {
      epochs: 5,
      shuffle: false,
      verbose: 0,
    });
    return history.loss;
  },
  ready: true,
});
