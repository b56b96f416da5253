/** The windows of the engine suites: kernels, strides, paddings, dilations, ceil mode, odd and even sizes. */
import { type OracleAxis, oracleSize } from "./oracle.ts";

/** A window over the axes D, H, W; absent ones have size 1. */
export interface Geometry {
  axes: OracleAxis[];
  ceil: boolean;
}

/** The layouts of a rank, channels first and last, by number of spatial axes less one. */
export const layouts: readonly (readonly [first: string, last: string])[] = [
  ["NCL", "NLC"],
  ["NCHW", "NHWC"],
  ["NCDHW", "NDHWC"],
];

const absent: OracleAxis = { size: 1, kernel: 1, stride: 1, begin: 0, end: 0, dilation: 1 };
const sizes: Record<number, [number, number]> = { 1: [11, 12], 2: [7, 8], 3: [5, 6] };

/** All windows of one rank. */
export function* geometries(rank: number): Generator<Geometry> {
  for (const kernel of [1, 2, 3, 5])
    for (const stride of [1, 2, 3])
      for (const dilation of [1, 2])
        for (const size of sizes[rank])
          for (const [begin, end] of [
            [0, 0],
            [1, 1],
            [0, 1],
            [2, 1],
          ])
            for (const ceil of [false, true]) {
              const window = dilation * (kernel - 1) + 1;
              if (Math.max(begin, end) > window / 2 || size + begin + end < window) continue;
              const axis = { size, kernel, stride, begin, end, dilation };
              // The last axis differs, so that axes taken for each other are seen.
              const last = { ...axis, size: size + 2 };
              const used = [axis, axis, last].slice(3 - rank);
              const axes = [absent, absent, ...used].slice(-3);
              if (axes.some((a) => oracleSize(a, ceil) < 1)) continue;
              yield { axes, ceil };
            }
}

/** A window as the options of a call. */
export function optionsOf({ axes, ceil }: Geometry, rank: number, layout: string, zero: boolean) {
  const used = axes.slice(3 - rank);
  return {
    kernelSize: used.map((a) => a.kernel),
    stride: used.map((a) => a.stride),
    padding: used.map((a) => [a.begin, a.end]),
    dilation: used.map((a) => a.dilation),
    ceilMode: ceil,
    layout,
    paddingMode: zero ? "zero" : "ignore",
  };
}
