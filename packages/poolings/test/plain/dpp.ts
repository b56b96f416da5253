/** Detail-preserving pooling from its definition. */
import { axisOf, type PoolWindow, type Tensor } from "@softpool/onnx";
import { poolPlain, type Taps } from "./windows.ts";

/** How the weights are made. */
export interface DppForm {
  /** ln alpha for each channel. */
  readonly a: ArrayLike<number>;
  /** ln lambda for each channel. */
  readonly l: ArrayLike<number>;
  /** Whether only taps above the reference are rewarded. */
  readonly asymmetric?: boolean;
  /** Whether rewards are relative to their mean. */
  readonly normalized?: boolean;
}

const total = (values: readonly number[]) => values.reduce((p, q) => p + q, 0);

/** y = sum w x / sum w, w = alpha + rho(x - r), for a reference of each window; default the mean. */
export function plainDpp(
  x: Tensor,
  window: PoolWindow,
  form: DppForm,
  reference = ({ values }: Taps) => total(values) / values.length,
): Tensor {
  return poolPlain(x, window, (taps) => {
    const { values, channel } = taps;
    const alpha = Math.exp(form.a[channel]);
    const lambda = Math.exp(form.l[channel]);
    const r = reference(taps);
    const d = values.map((v) => (form.asymmetric ? Math.max(0, v - r) : v - r));
    const q = d.map((v) => v * v + (form.normalized ? 1e-3 : 1e-6));
    const mean = form.normalized ? total(q) / q.length : 1;
    const w = q.map((v) => alpha + (v / mean) ** (lambda / 2));
    return total(values.map((v, i) => v * w[i])) / total(w);
  });
}

/**
 * The learned reference: sum F x + b over the window and one tap more before it on every axis, taps
 * outside the input being 0.
 */
export function filteredReference(
  x: Tensor,
  window: PoolWindow,
  filter: ArrayLike<number>,
  bias: ArrayLike<number>,
): (taps: Taps) => number {
  const axes = window.kernel.map((_, i) => axisOf(window, i, x.shape[i + 2]));
  const count = axes.reduce((n, { kernel }) => n * (kernel + 1), 1);
  const size = axes.reduce((n, axis) => n * axis.size, 1);
  return ({ sample, channel, output }) => {
    let sum = bias[channel];
    for (let place = 0; place < count; place++) {
      let [o, a, element, step] = [output, place, 0, 1];
      let inside = true;
      for (const axis of [...axes].reverse()) {
        const tap = (a % (axis.kernel + 1)) - 1;
        const position = (o % axis.out) * axis.stride - axis.padBegin + tap * axis.dilation;
        if (position < 0 || position >= axis.size) inside = false;
        element += position * step;
        step *= axis.size;
        o = Math.floor(o / axis.out);
        a = Math.floor(a / (axis.kernel + 1));
      }
      const plane = (sample * x.shape[1] + channel) * size;
      if (inside) sum += filter[channel * count + place] * x.data[plane + element];
    }
    return sum;
  };
}
