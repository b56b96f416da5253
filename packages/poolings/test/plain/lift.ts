/** LiftPool by its definition, on nested loops; networks are functions of whole tensors. */
import { type Tensor, tensor } from "@softpool/onnx";

/** A network of one axis. */
export type Network = (x: Tensor, axis: number) => Tensor;

const count = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** Elements `begin`, `begin + 2`, .. of an axis, `size` of them, the last one repeated. */
function phase(x: Tensor, axis: number, begin: number, size: number): Tensor {
  const shape = x.shape.map((n, i) => (i === axis ? size : n));
  const inner = count(x.shape.slice(axis + 1));
  const data = Float64Array.from({ length: count(shape) }, (_, at) => {
    const t = begin + 2 * (Math.floor(at / inner) % size);
    const outer = Math.floor(at / (inner * size));
    return x.data[(outer * x.shape[axis] + Math.min(t, x.shape[axis] - 1)) * inner + (at % inner)];
  });
  return tensor(x.dtype, shape, data);
}

const combined = (a: Tensor, b: Tensor, f: (p: number, q: number) => number): Tensor => ({
  ...a,
  data: a.data.map((p, i) => f(p, b.data[i])),
});

/** The bands: the last axis first, smooth parts before details. */
export function plainBands(x: Tensor, ceil: boolean, predict: Network, update: Network): Tensor[] {
  let bands = [x];
  for (let axis = x.shape.length - 1; axis >= 2; axis--) {
    const size = ceil ? Math.ceil(x.shape[axis] / 2) : Math.floor(x.shape[axis] / 2);
    const parts = bands.map((band) => {
      const [even, odd] = [phase(band, axis, 0, size), phase(band, axis, 1, size)];
      const detail = combined(odd, predict(even, axis - 2), (a, b) => a - b);
      const smooth = combined(even, update(detail, axis - 2), (a, b) => a + b);
      return { smooth, detail };
    });
    bands = [...parts.map(({ smooth }) => smooth), ...parts.map(({ detail }) => detail)];
  }
  return bands;
}

/** The sum of bands. */
export function plainSum(bands: readonly Tensor[]): Tensor {
  return bands.reduce((a, b) => combined(a, b, (p, q) => p + q));
}

/** Depthwise convolution along an axis with zeros beyond the ends, ReLU, 1x1 convolution, tanh. */
export function plainNetwork(
  depthwise: Tensor,
  depthwiseBias: Tensor,
  pointwise: Tensor,
  pointwiseBias: Tensor,
): Network {
  return (x, spatial) => {
    const axis = spatial + 2;
    const [samples, channels] = x.shape;
    const inner = count(x.shape.slice(axis + 1));
    const plane = count(x.shape.slice(2));
    const taps = depthwise.data.length / channels;
    const hidden = x.data.map((_, at) => {
      const t = Math.floor(at / inner) % x.shape[axis];
      const c = Math.floor(at / plane) % channels;
      let sum = depthwiseBias.data[c];
      for (let a = 0; a < taps; a++) {
        const shift = a - (taps - 1) / 2;
        if (t + shift < 0 || t + shift >= x.shape[axis]) continue;
        sum += depthwise.data[c * taps + a] * x.data[at + shift * inner];
      }
      return Math.max(0, sum);
    });
    const data = new Float64Array(x.data.length);
    for (let n = 0; n < samples; n++) {
      for (let c = 0; c < channels; c++) {
        for (let p = 0; p < plane; p++) {
          let sum = pointwiseBias.data[c];
          for (let k = 0; k < channels; k++) {
            sum += pointwise.data[c * channels + k] * hidden[(n * channels + k) * plane + p];
          }
          data[(n * channels + c) * plane + p] = Math.tanh(sum);
        }
      }
    }
    return { ...x, data };
  };
}
