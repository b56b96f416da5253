/**
 * LiftPool: every second element is predicted from its neighbours, and what is not predicted updates
 * the rest: a learned wavelet. Along one axis, with x_e and x_o the elements of even and odd number:
 *
 *     d = x_o - P(x_e),  s = x_e + U(d)            undone by  x_e = s - U(d),  x_o = d + P(x_e)
 *
 * The last axis is lifted first, then the one before it, on both s and d, and so on: 2, 4 or 8 bands
 * (in 2D LL, LH, HL, HH), each half as large along every axis. The output is their sum.
 *
 * P and U are small networks, one of each for every axis: a depthwise convolution of 5 taps along the
 * axis with zeros beyond the ends, ReLU, a 1x1 convolution, tanh. Sizes that are not even lose their
 * last element, or replicate it in ceil mode. NaN spreads as far as the networks look.
 *
 * Source: Zhao, Snoek: LiftPool: Bidirectional ConvNet pooling, ICLR 2021. The sizes of the networks
 * are this file's.
 */
import {
  add,
  conv,
  elements,
  type Graph,
  type PoolWindow,
  poolWindow,
  relu,
  reshape,
  sub,
  tanh,
  type Value,
} from "@softpool/onnx";
import { coefficients, weightedSum } from "./coefficients.ts";
import { frame, sumOf, taps } from "./frame.ts";
import type { Context, Method, Parameter, Site } from "./method.ts";
import { refuseTiles, wholeTiles } from "./tiles.ts";

/** Taps of the first convolution. */
const TAPS = 5;

/** The two networks of every axis. */
export interface Lifting {
  /**
   * P: predicts the odd elements.
   * @param even `[N, C, ...]`
   * @param axis the number of the spatial axis
   */
  predict(even: Value, axis: number): Value;
  /**
   * U: updates the even elements.
   * @param detail `[N, C, ...]`
   * @param axis the number of the spatial axis
   */
  update(detail: Value, axis: number): Value;
}

/**
 * Composes the bands of an input.
 * @param g the graph
 * @param x the input `[N, C, ...]`, float32 or float64
 * @param window a kernel and stride of 2 along every axis
 * @param lifting the networks
 * @returns the bands in row-major order of the axes' parts, s before d: s s, s d, d s, d d in 2D, the
 *   last letter for the last axis
 */
export function liftBands(g: Graph, x: Value, window: PoolWindow, lifting: Lifting): Value[] {
  let bands = [wholeTiles(g, x, window)];
  for (let axis = window.kernel.length - 1; axis >= 0; axis--) {
    const pair = window.kernel.map((_, i) => (i === axis ? 2 : 1));
    const parts = bands.map((band) => {
      const [even, odd] = taps(g, band, poolWindow(pair, { strides: pair }));
      const detail = sub(g, odd, lifting.predict(even, axis));
      return [add(g, even, lifting.update(detail, axis)), detail];
    });
    bands = [...parts.map(([smooth]) => smooth), ...parts.map(([, detail]) => detail)];
  }
  return bands;
}

/** The parameters of one network. */
function networkParameters(name: string, axis: number, site: Site): Parameter[] {
  const { channels, window } = site;
  const rank = window.kernel.length;
  const along = Array.from({ length: rank }, (_, i) => (i === axis ? TAPS : 1));
  const list = (part: string, shape: number[], inputs: number, decay: boolean): Parameter => ({
    name: `${name}${axis}.${part}`,
    shape,
    decay,
    // Uniform in +-1 / sqrt(number of inputs).
    initial: (uniform) =>
      Float64Array.from({ length: elements(shape) }, () => (2 * uniform() - 1) / Math.sqrt(inputs)),
  });
  return [
    list("0.weight", [channels, 1, ...along], TAPS, true),
    list("0.bias", [channels], TAPS, false),
    list("1.weight", [channels, channels, ...along.map(() => 1)], channels, true),
    list("1.bias", [channels], channels, false),
  ];
}

/** The networks that a method's parameters make. */
export function learnedLifting({ g, window, parameters }: Context): Lifting {
  const network = (name: string) => (x: Value, axis: number) => {
    const of = (part: string) => parameters[`${name}${axis}.${part}`];
    const first = alongAxis(g, x, of("0.weight"), of("0.bias"), axis, window.kernel.length);
    return tanh(g, conv(g, relu(g, first), of("1.weight"), of("1.bias")));
  };
  return { predict: network("predict"), update: network("update") };
}

/** A convolution of every channel for itself along one axis; zeros lie around the input. */
function alongAxis(
  g: Graph,
  x: Value,
  weight: Value,
  bias: Value,
  axis: number,
  axes: number,
): Value {
  const kernel = Array.from({ length: axes }, (_, i) => (i === axis ? TAPS : 1));
  const pads = kernel.map((k) => (k - 1) / 2);
  if (axes < 3) {
    const group = weight.shape?.[0] as number;
    return conv(g, x, weight, bias, { pads: [...pads, ...pads], group });
  }
  // ONNX Runtime's WebGPU provider has no 3D convolution in groups.
  const window = poolWindow(kernel, { pads: [...pads, ...pads] });
  const factors = coefficients(g, weight, TAPS, axes);
  const sum = weightedSum(g, taps(g, frame(g, x, window, 0), window), factors);
  return add(g, sum, reshape(g, bias, [1, -1, 1, 1, 1]));
}

/** The method `lift`. */
export const lift: Method = {
  name: "lift",
  aliases: ["liftpool"],
  summary: "the sum of the bands of a learned lifting scheme",
  source: "Zhao, Snoek: LiftPool: Bidirectional ConvNet pooling, ICLR 2021",
  axes: [1, 2, 3],
  random: false,
  trained: true,
  refuse: ({ window }) =>
    window.kernel.some((k) => k !== 2)
      ? `it halves every axis, the kernel is [${window.kernel.join(", ")}]`
      : refuseTiles(window),
  parameters: (site) =>
    site.window.kernel.flatMap((_, axis) =>
      ["predict", "update"].flatMap((name) => networkParameters(name, axis, site)),
    ),
  infer: (context) =>
    sumOf(context.g, liftBands(context.g, context.x, context.window, learnedLifting(context))),
};
