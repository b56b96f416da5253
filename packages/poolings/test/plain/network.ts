/** Layers of small networks on nested loops. */
import { type Tensor, tensor } from "@softpool/onnx";

const count = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** A convolution of stride 1 over any number of axes, zeros beyond the ends, sizes kept. */
export function plainConv(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const [samples, inputs, ...sizes] = x.shape;
  const [outputs, , ...kernel] = weight.shape;
  const [plane, taps] = [count(sizes), count(kernel)];
  const data = new Float64Array(samples * outputs * plane);
  for (let p = 0; p < plane; p++) {
    for (let a = 0; a < taps; a++) {
      let [at, tap, from, step] = [p, a, 0, 1];
      let inside = true;
      for (let i = sizes.length - 1; i >= 0; i--) {
        const t = (at % sizes[i]) + (tap % kernel[i]) - (kernel[i] - 1) / 2;
        inside &&= t >= 0 && t < sizes[i];
        from += t * step;
        step *= sizes[i];
        at = Math.floor(at / sizes[i]);
        tap = Math.floor(tap / kernel[i]);
      }
      if (!inside) continue;
      for (let n = 0; n < samples; n++) {
        for (let o = 0; o < outputs; o++) {
          for (let c = 0; c < inputs; c++) {
            data[(n * outputs + o) * plane + p] +=
              weight.data[(o * inputs + c) * taps + a] * x.data[(n * inputs + c) * plane + from];
          }
        }
      }
    }
  }
  const shift = bias ? (i: number) => bias.data[Math.floor(i / plane) % outputs] : () => 0;
  return tensor(
    x.dtype,
    [samples, outputs, ...sizes],
    data.map((v, i) => v + shift(i)),
  );
}

/** Every plane with mean 0 and variance 1, then scaled and shifted by channel. */
export function plainInstanceNorm(x: Tensor, scale: Tensor, bias: Tensor): Tensor {
  const plane = count(x.shape.slice(2));
  const data = Float64Array.from(x.data);
  for (let start = 0; start < data.length; start += plane) {
    const own = x.data.subarray(start, start + plane);
    const mean = own.reduce((a, b) => a + b, 0) / plane;
    const variance = own.reduce((a, b) => a + (b - mean) ** 2, 0) / plane;
    const c = (start / plane) % x.shape[1];
    for (let i = 0; i < plane; i++) {
      const normal = (own[i] - mean) / Math.sqrt(variance + 1e-5);
      data[start + i] = scale.data[c] * normal + bias.data[c];
    }
  }
  return { ...x, data };
}

/** A function of every element. */
export const plainMap = (x: Tensor, f: (v: number) => number): Tensor => ({
  ...x,
  data: x.data.map(f),
});
