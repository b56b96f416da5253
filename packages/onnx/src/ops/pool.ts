/**
 * Pooling: AveragePool, MaxPool, LpPool, their global kin, and MaxUnpool.
 *
 * The evaluation gives NaN for a maximum over a NaN (ONNX Runtime's CPU provider drops it). The divisor
 * of a counted average leaves out what ceil mode adds beyond the padding, as from operator set 19 on.
 */
import { type Axis, paddedTaps, tapRange, windowStart } from "softpool/window";
import type { AttributeValues } from "../attributes.ts";
import { OnnxError } from "../error.ts";
import type { Graph, Value } from "../graph.ts";
import { describeNode } from "../order.ts";
import type { Shape } from "../shape.ts";
import { elements, type Tensor } from "../tensor.ts";
import { allocate, spelledShape } from "./arguments.ts";
import {
  type EvaluateContext,
  type GradientRule,
  type Inferred,
  type Operator,
  required,
  type ShapeContext,
  strides as stridesOf,
  typeOf,
} from "./operator.ts";
import {
  averagePoolGradient,
  globalAveragePoolGradient,
  globalLpPoolGradient,
  globalMaxPoolGradient,
  lpPoolGradient,
  maxPoolGradient,
  maxUnpoolGradient,
} from "./pool-gradient.ts";
import { axisOf, type PoolWindow, pooledShape, windowAttributes, windowOf } from "./window.ts";

/**
 * Average pooling; `countIncludePad` counts padded taps as zeros, default false.
 * @throws OnnxError for dilations before opset 19, ceil mode before opset 10, a window that does not fit
 */
export function averagePool(
  g: Graph,
  x: Value,
  window: PoolWindow,
  options: { countIncludePad?: boolean } = {},
): Value {
  const dilated = window.dilations.some((d) => d !== 1);
  if (dilated && g.opset < 19) {
    throw new OnnxError(`AveragePool: dilations: expected opset 19 or newer, received ${g.opset}`);
  }
  return g.op("AveragePool", [x], {
    ...checkedAttributes(g, "AveragePool", window),
    count_include_pad: options.countIncludePad ? 1 : undefined,
  });
}

/**
 * Maximum pooling.
 * @throws OnnxError for dilations and ceil mode before opset 10, and a window that does not fit
 */
export function maxPool(g: Graph, x: Value, window: PoolWindow): Value {
  return g.op("MaxPool", [x], checkedAttributes(g, "MaxPool", window));
}

/** The average over all spatial axes, which become 1. */
export function globalAveragePool(g: Graph, x: Value): Value {
  return g.op("GlobalAveragePool", [x]);
}

/** The maximum over all spatial axes, which become 1. */
export function globalMaxPool(g: Graph, x: Value): Value {
  return g.op("GlobalMaxPool", [x]);
}

function checkedAttributes(g: Graph, type: string, window: PoolWindow): AttributeValues {
  const what = window.ceilMode ? "ceil mode" : "dilations";
  if (g.opset < 10 && (window.ceilMode || window.dilations.some((d) => d !== 1))) {
    throw new OnnxError(`${type}: ${what}: expected opset 10 or newer, received ${g.opset}`);
  }
  return windowAttributes(window);
}

/** Pools the values of the taps that exist; `counted` is how many the divisor of an average counts. */
type Reduction = (values: readonly number[], counted: number) => number;

/** The spatial geometry of a pooling node on its input. */
function axesOf(context: EvaluateContext, x: Tensor): Axis[] {
  const window = windowOf(context.attributes);
  pooledShape(window, x.shape);
  return x.shape.slice(2).map((size, i) => axisOf(window, i, size));
}

/** Calls `f` for every window of one channel with the offsets of its taps, in row-major order. */
export function forEachWindow(
  axes: readonly Axis[],
  f: (output: number, offsets: readonly number[], counted: number) => void,
): void {
  const steps = stridesOf(axes.map(({ size }) => size));
  const count = axes.reduce((product, { out }) => product * out, 1);
  for (let output = 0; output < count; output++) {
    let rest = output;
    let offsets = [0];
    let counted = 1;
    const position = new Array<number>(axes.length);
    for (let i = axes.length - 1; i >= 0; i--) {
      position[i] = rest % axes[i].out;
      rest = Math.floor(rest / axes[i].out);
    }
    for (const [i, axis] of axes.entries()) {
      const start = windowStart(axis, position[i]);
      const [first, end] = tapRange(axis, position[i]);
      const next: number[] = [];
      for (const offset of offsets) {
        for (let a = first; a < end; a++) {
          next.push(offset + (start + a * axis.dilation) * steps[i]);
        }
      }
      offsets = next;
      counted *= paddedTaps(axis, position[i]);
    }
    f(output, offsets, counted);
  }
}

/** Pools every channel of `x`. */
function evaluatePool(x: Tensor, axes: readonly Axis[], reduction: Reduction): Tensor {
  const shape = [...x.shape.slice(0, 2), ...axes.map(({ out }) => out)];
  const inner = elements(x.shape.slice(2));
  const outer = elements(shape.slice(2));
  const planes = elements(x.shape.slice(0, 2));
  const data = allocate(shape);
  forEachWindow(axes, (output, offsets, counted) => {
    for (let plane = 0; plane < planes; plane++) {
      const values = offsets.map((offset) => x.data[plane * inner + offset]);
      data[plane * outer + output] = reduction(values, counted);
    }
  });
  return { dtype: x.dtype, shape, data };
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const largest = (values: readonly number[]) =>
  values.reduce((best, value) => Math.max(best, value), -Infinity);
const norm = (values: readonly number[], p: number) =>
  sum(values.map((value) => Math.abs(value) ** p)) ** (1 / p);

const poolShape = (context: ShapeContext): readonly Inferred[] => {
  const { dtype, shape } = typeOf(context, 0);
  return [{ dtype, shape: pooledShape(windowOf(context.attributes), shape) }];
};

const averagePoolOperator: Operator = {
  type: "AveragePool",
  shape: poolShape,
  evaluate: (context) => {
    const x = required(context, 0);
    const counts = context.attributes.int("count_include_pad", 0) === 1;
    const average: Reduction = (values, counted) =>
      sum(values) / (counts ? counted : values.length);
    return [evaluatePool(x, axesOf(context, x), average)];
  },
  gradient: averagePoolGradient,
};

const lpPool: Operator = {
  type: "LpPool",
  shape: poolShape,
  evaluate: (context) => {
    const x = required(context, 0);
    const p = context.attributes.int("p", 2);
    return [evaluatePool(x, axesOf(context, x), (values) => norm(values, p))];
  },
  gradient: lpPoolGradient,
};

const maxPoolOperator: Operator = {
  type: "MaxPool",
  shape: (context) => {
    const [result] = poolShape(context);
    return [result, { dtype: "int64", shape: result.shape }];
  },
  evaluate: (context) => {
    const x = required(context, 0);
    const axes = axesOf(context, x);
    const y = evaluatePool(x, axes, largest);
    const inner = elements(x.shape.slice(2));
    const outer = elements(y.shape.slice(2));
    const indices = new Float64Array(y.data.length);
    const column = context.attributes.int("storage_order", 0) === 1;
    forEachWindow(axes, (output, offsets) => {
      for (let plane = 0; plane * outer < indices.length; plane++) {
        // The first maximum in row-major order.
        const best = y.data[plane * outer + output];
        const offset =
          offsets.find((o) => Object.is(x.data[plane * inner + o], best)) ??
          offsets.find((o) => x.data[plane * inner + o] === best) ??
          0;
        const local = column ? columnMajor(offset, x.shape.slice(2)) : offset;
        indices[plane * outer + output] = plane * inner + local;
      }
    });
    return [y, { dtype: "int64", shape: y.shape, data: indices }];
  },
  gradient: maxPoolGradient,
};

/** The offset of an element when the first spatial axis runs fastest. */
function columnMajor(offset: number, shape: readonly number[]): number {
  let rest = offset;
  const position = [...shape].reverse().map((size) => {
    const at = rest % size;
    rest = Math.floor(rest / size);
    return at;
  });
  let result = 0;
  for (const [i, at] of position.entries()) result = result * shape[shape.length - 1 - i] + at;
  return result;
}

function global(
  type: string,
  gradient: GradientRule,
  reduce: (context: EvaluateContext) => Reduction,
): Operator {
  return {
    type,
    shape: (context) => {
      const { dtype, shape } = typeOf(context, 0);
      return [{ dtype, shape: shape?.map((dim, i) => (i < 2 ? dim : 1)) }];
    },
    evaluate: (context) => {
      const x = required(context, 0);
      const axes = x.shape.slice(2).map((size) => ({
        size,
        out: 1,
        kernel: size,
        stride: 1,
        padBegin: 0,
        padEnd: 0,
        dilation: 1,
      }));
      return [evaluatePool(x, axes, reduce(context))];
    },
    gradient,
  };
}

const maxUnpool: Operator = {
  type: "MaxUnpool",
  shape: (context) => {
    const { dtype, shape } = typeOf(context, 0);
    if (context.inputs[2] === undefined) return [{ dtype, shape: unpooled(context, shape) }];
    const asked = spelledShape(context.inputs[2]);
    return [{ dtype, shape: asked ?? shape?.map((dim, i) => (i < 2 ? dim : null)) }];
  },
  evaluate: (context) => {
    const x = required(context, 0);
    const indices = required(context, 1);
    const full = unpooled(context, x.shape) as number[];
    const shape = context.inputs[2] === undefined ? full : Array.from(context.inputs[2].data);
    const data = allocate(shape);
    const [from, to] = [stridesOf(full), stridesOf(shape)];
    for (const [i, index] of indices.data.entries()) {
      // The indices count in the shape without output_shape.
      let rest = index;
      let offset = 0;
      for (const [axis, step] of from.entries()) {
        offset += Math.floor(rest / step) * to[axis];
        rest %= step;
      }
      if (!(offset >= 0 && offset < data.length)) {
        throw new OnnxError(
          `${describeNode(context.node)}: index ${index} lies outside the output`,
        );
      }
      data[offset] = x.data[i];
    }
    return [{ dtype: x.dtype, shape, data }];
  },
  gradient: maxUnpoolGradient,
};

/** The shape before the pooling that MaxUnpool undoes. */
function unpooled(
  context: ShapeContext | EvaluateContext,
  shape: Shape | undefined,
): Shape | undefined {
  const { kernel, strides, pads } = windowOf(context.attributes);
  if (shape === undefined) return undefined;
  if (shape.length !== kernel.length + 2) {
    throw new OnnxError(
      `kernel_shape: expected ${shape.length - 2} sizes for an input of ${shape.length} axes, received ${kernel.length}`,
    );
  }
  return shape.map((dim, i) => {
    if (i < 2 || typeof dim !== "number") return i < 2 ? dim : null;
    const k = i - 2;
    const size = (dim - 1) * strides[k] - pads[k] - pads[k + kernel.length] + kernel[k];
    if (size >= 0) return size;
    throw new OnnxError(`pads: expected less padding than the output has, axis ${i} has ${size}`);
  });
}

/** The operators of this file. */
export const pool: readonly Operator[] = [
  averagePoolOperator,
  maxPoolOperator,
  lpPool,
  global(
    "GlobalAveragePool",
    globalAveragePoolGradient,
    () => (values) => sum(values) / values.length,
  ),
  global("GlobalMaxPool", globalMaxPoolGradient, () => largest),
  global("GlobalLpPool", globalLpPoolGradient, (context) => {
    const p = context.attributes.int("p", 2);
    return (values) => norm(values, p);
  }),
  maxUnpool,
];
