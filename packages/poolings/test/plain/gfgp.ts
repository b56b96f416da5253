/** Global feature guided pooling by its definition, on nested loops. */
import type { PoolWindow, Tensor } from "@softpool/onnx";
import { poolPlain } from "./windows.ts";

type Values = Readonly<Record<string, Tensor>>;

/** A 1x1 convolution and a normalization of rows of numbers, one row per sample. */
function layer(rows: number[][], of: Values, i: number, training: boolean): number[][] {
  const weight = of[`conv${i}.weight`];
  const [outputs, inputs] = weight.shape;
  const get = (name: string) => of[name].data;
  const hidden = rows.map((row) =>
    Array.from({ length: outputs }, (_, o) =>
      row.reduce((sum, v, c) => sum + v * weight.data[o * inputs + c], get(`conv${i}.bias`)[o]),
    ),
  );
  return hidden.map((row) =>
    row.map((v, o) => {
      let [mean, variance] = [get(`bn${i}.running_mean`)[o], get(`bn${i}.running_var`)[o]];
      if (training) {
        const column = hidden.map((other) => other[o]);
        mean = column.reduce((a, b) => a + b) / column.length;
        variance = column.reduce((a, b) => a + (b - mean) ** 2, 0) / column.length;
      }
      const normal = (v - mean) / Math.sqrt(variance + 1e-5);
      return get(`bn${i}.weight`)[o] * normal + get(`bn${i}.bias`)[o];
    }),
  );
}

/** The temperatures of every sample and channel. */
export function plainTemperatures(
  x: Tensor,
  of: Values,
  activation: string,
  training = false,
): number[][] {
  const [samples, channels] = x.shape;
  const plane = x.data.length / samples / channels;
  const means = Array.from({ length: samples }, (_, n) =>
    Array.from({ length: channels }, (_, c) => {
      const start = (n * channels + c) * plane;
      return x.data.subarray(start, start + plane).reduce((a, b) => a + b, 0) / plane;
    }),
  );
  const hidden = layer(means, of, 1, training).map((row) => row.map((v) => Math.max(0, v)));
  const act = (v: number) =>
    activation === "softplus" ? Math.log(1 + Math.exp(v)) : 1 / (1 + Math.exp(-v));
  return layer(hidden, of, 2, training).map((row) => row.map(act));
}

/** The pooled value. */
export function plainGuided(x: Tensor, window: PoolWindow, lambda: number[][]): Tensor {
  return poolPlain(x, window, ({ values, sample, channel }) => {
    const l = lambda[sample][channel];
    const weights = values.map((v) => Math.exp(l * v));
    const total = weights.reduce((a, b) => a + b);
    return values.reduce((a, v, i) => a + (v * weights[i]) / total, 0);
  });
}
