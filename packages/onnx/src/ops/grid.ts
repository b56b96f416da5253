/**
 * GridSample: y[n, c, o] is x[n, c] at the place that grid[n, o] names, from -1 to 1 along each axis,
 * the last axis first. The place in elements: (g + 1) / 2 (L - 1) with aligned corners, else
 * ((g + 1) L - 1) / 2. https://onnx.ai/onnx/operators/onnx__GridSample.html
 */
import { OnnxError, quote } from "../error.ts";
import { describeNode } from "../order.ts";
import { elements, roundEven } from "../tensor.ts";
import { allocate } from "./arguments.ts";
import { gridSampleGradient, type Sampling } from "./grid-gradient.ts";
import {
  type EvaluateContext,
  type GradientContext,
  type Operator,
  required,
  strides,
  typeOf,
} from "./operator.ts";
import { interpolationWeight } from "./resize.ts";

/** Modes by their names before operator set 20 and since. */
const modes: Readonly<Record<string, "nearest" | "linear" | "cubic">> = {
  nearest: "nearest",
  bilinear: "linear",
  linear: "linear",
  bicubic: "cubic",
  cubic: "cubic",
};

const paddings = ["zeros", "border", "reflection"];

function samplingOf({ attributes }: EvaluateContext | GradientContext): Sampling {
  const named = attributes.string("mode", "linear");
  const padding = attributes.string("padding_mode", "zeros");
  if (!Object.hasOwn(modes, named)) {
    const names = Object.keys(modes).join(", ");
    throw new OnnxError(`mode: expected one of ${names}, received ${quote(named)}`);
  }
  if (!paddings.includes(padding)) {
    throw new OnnxError(
      `padding_mode: expected one of ${paddings.join(", ")}, received ${quote(padding)}`,
    );
  }
  return { mode: modes[named], padding, aligned: attributes.int("align_corners", 0) === 1 };
}

/** A place mirrored at the ends until it lies between them. */
function reflected(x: number, low: number, high: number): number {
  const range = high - low;
  if (range <= 0) return low;
  const turn = Math.abs(x - low) % (2 * range);
  return low + (turn > range ? 2 * range - turn : turn);
}

/** The elements of one axis that a place is made of, with their weights; outside ones count as 0. */
function mixOf(g: number, size: number, how: Sampling): [index: number, weight: number][] {
  const { mode, padding, aligned } = how;
  const [low, high] = aligned ? [0, size - 1] : [-0.5, size - 0.5];
  const inside = (x: number): number => {
    if (x >= low && x <= high) return x;
    if (padding === "border") return Math.max(0, Math.min(x, size - 1));
    return padding === "reflection" ? reflected(x, low, high) : x;
  };
  const exact = aligned ? ((g + 1) / 2) * (size - 1) : ((g + 1) * size - 1) / 2;
  // Cubic: the elements around the place are moved inside, not the place.
  const x = mode === "cubic" ? exact : inside(mode === "nearest" ? roundEven(exact) : exact);
  if (!Number.isFinite(x)) return [];
  const first = mode === "cubic" ? Math.floor(x) - 1 : Math.floor(x);
  const count = mode === "cubic" ? 4 : 2;
  const mix: [number, number][] =
    mode === "nearest"
      ? [[roundEven(x), 1]]
      : Array.from({ length: count }, (_, k) => [
          first + k,
          interpolationWeight(mode, first + k - x, -0.75),
        ]);
  return mix.flatMap(([index, weight]): [number, number][] => {
    const at = padding === "zeros" ? index : Math.floor(inside(index) + 0.5);
    return at >= 0 && at < size ? [[at, weight]] : [];
  });
}

const gridSample: Operator = {
  type: "GridSample",
  shape: (context) => {
    const { dtype, shape } = typeOf(context, 0);
    const grid = context.inputs[1]?.shape;
    const rank = shape?.length ?? grid?.length;
    if (rank === undefined || rank < 3) return [{ dtype }];
    const places = grid?.slice(1, -1) ?? new Array<null>(rank - 2).fill(null);
    return [{ dtype, shape: [shape?.[0] ?? grid?.[0] ?? null, shape?.[1] ?? null, ...places] }];
  },
  evaluate: (context) => {
    const x = required(context, 0);
    const grid = required(context, 1);
    const sizes = x.shape.slice(2);
    if (grid.shape.length !== x.shape.length || grid.shape.at(-1) !== sizes.length) {
      throw new OnnxError(
        `${describeNode(context.node)}: grid: expected ${x.shape.length} axes, the last of ${sizes.length}, received [${grid.shape.join(", ")}]`,
      );
    }
    const how = samplingOf(context);
    const [batch, channels] = x.shape;
    const shape = [batch, channels, ...grid.shape.slice(1, -1)];
    const data = allocate(shape);
    const count = elements(shape.slice(2));
    const plane = elements(sizes);
    const steps = strides(sizes);
    for (let n = 0; n < batch; n++) {
      for (let o = 0; o < count; o++) {
        const place = (n * count + o) * sizes.length;
        let taps: [offset: number, weight: number][] = [[0, 1]];
        for (const [axis, size] of sizes.entries()) {
          const mix = mixOf(grid.data[place + sizes.length - 1 - axis], size, how);
          taps = taps.flatMap(([offset, weight]) =>
            mix.map(([i, w]): [number, number] => [offset + i * steps[axis], weight * w]),
          );
        }
        for (let c = 0; c < channels; c++) {
          const from = (n * channels + c) * plane;
          let sum = 0;
          for (const [offset, weight] of taps) sum += weight * x.data[from + offset];
          data[(n * channels + c) * count + o] = sum;
        }
      }
    }
    return [{ dtype: x.dtype, shape, data }];
  },
  gradient: gridSampleGradient(samplingOf),
};

/** The operators of this file. */
export const grids: readonly Operator[] = [gridSample];
