/**
 * The windows of plain implementations: the taps of one window after another, found with the geometry
 * of the operator.
 */
import { axisOf, type PoolWindow, type Tensor } from "@softpool/onnx";

/** One window of one channel. */
export interface Taps {
  /** Number of the sample. */
  readonly sample: number;
  /** Number of the channel. */
  readonly channel: number;
  /** Number of the output within its channel, row-major. */
  readonly output: number;
  /** The taps that exist, row-major. */
  readonly values: number[];
  /** The number of each tap in the kernel, row-major. */
  readonly places: number[];
  /** The number of each tap's element within its channel, row-major. */
  readonly elements: number[];
}

/** Pools every window of `[N, C, ...]` by a function of its taps. */
export function poolPlain(x: Tensor, window: PoolWindow, f: (taps: Taps) => number): Tensor {
  const axes = window.kernel.map((_, i) => axisOf(window, i, x.shape[i + 2]));
  const [samples, channels] = x.shape;
  const inner = axes.reduce((n, { size }) => n * size, 1);
  const outer = axes.reduce((n, { out }) => n * out, 1);
  const count = axes.reduce((n, { kernel }) => n * kernel, 1);
  const data = new Float64Array(samples * channels * outer);
  for (let plane = 0; plane < samples * channels; plane++) {
    for (let output = 0; output < outer; output++) {
      const taps: Taps = {
        sample: Math.floor(plane / channels),
        channel: plane % channels,
        output,
        values: [],
        places: [],
        elements: [],
      };
      for (let place = 0; place < count; place++) {
        let [o, a] = [output, place];
        let element = 0;
        let step = 1;
        let exists = true;
        for (const axis of [...axes].reverse()) {
          const position =
            (o % axis.out) * axis.stride - axis.padBegin + (a % axis.kernel) * axis.dilation;
          if (position < 0 || position >= axis.size) exists = false;
          element += position * step;
          step *= axis.size;
          o = Math.floor(o / axis.out);
          a = Math.floor(a / axis.kernel);
        }
        if (!exists) continue;
        taps.values.push(x.data[plane * inner + element]);
        taps.places.push(place);
        taps.elements.push(element);
      }
      data[plane * outer + output] = f(taps);
    }
  }
  return { dtype: x.dtype, shape: [samples, channels, ...axes.map(({ out }) => out)], data };
}
