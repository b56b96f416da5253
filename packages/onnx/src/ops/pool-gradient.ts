/**
 * Gradients of poolings. With the windows R(o) and dL/dy:
 *
 *     AveragePool   dL/dx[t] = sum over o with t in R(o) of dL/dy[o] / |R(o)|
 *     MaxPool       dL/dx[t] = sum over o with the first maximum of R(o) at t of dL/dy[o]
 *     LpPool        dL/dx[t] = sign(x) |x|^(p-1) sum over o with t in R(o) of y^(1-p) dL/dy[o]
 *
 * and the same for one window over everything.
 */
import { type Axis, paddedTaps, tapRange } from "softpool/window";
import type { Graph, Value } from "../graph.ts";
import { shallow } from "../shallow.ts";
import { elements, int64s, scalar, tensor } from "../tensor.ts";
import { constantOfShape } from "./constant.ts";
import { abs, div, equal, mul, pow, where } from "./elementwise.ts";
import { gather } from "./gather.ts";
import type { GradientContext, GradientRule } from "./operator.ts";
import { forEachOffset } from "./operator.ts";
import { pad } from "./pad.ts";
import { reshape } from "./reshape.ts";
import { repeatElements } from "./resize.ts";
import {
  inputOf,
  numberLike,
  refuse,
  reshapeLike,
  scaled,
  sizesOf,
  unaryRule,
  upstream,
} from "./rules.ts";
import { scatterElements } from "./scatter.ts";
import { slice } from "./slice.ts";
import { flatZeros, knownSizes, rankOf } from "./spatial.ts";
import { axisOf, windowAttributes, windowOf } from "./window.ts";

const reach = ({ kernel, dilation }: Axis) => (kernel - 1) * dilation + 1;

function windowAxes(context: GradientContext, x: Value): Axis[] {
  const window = windowOf(context.attributes);
  return knownSizes(x).map((size, i) => axisOf(window, i, size));
}

/**
 * Every value given to all taps of its window, times a factor: what undoes sums over windows.
 * @param values one for each window: [N, C, ...]
 * @param like the input of the pooling
 */
function spread(
  g: Graph,
  values: Value,
  axes: readonly Axis[],
  factor: number,
  like: Value,
): Value {
  const apart = axes.every(
    ({ size, out, kernel, stride, dilation, padBegin }) =>
      stride === kernel && dilation === 1 && padBegin === 0 && out * kernel <= size,
  );
  if (apart) {
    // Windows side by side: elements are repeated. This is 3 times faster than what follows.
    const kernel = axes.map((axis) => axis.kernel);
    const repeated = repeatElements(g, scaled(g, values, factor), [1, 1, ...kernel]);
    const rest = axes.map((axis) => axis.size - axis.out * axis.kernel);
    if (rest.every((size) => size === 0)) return repeated;
    return pad(g, repeated, [...axes.map(() => 0), 0, 0, 0, 0, ...rest], 0);
  }
  // Every channel on its own, as a sample of one channel.
  const planes = reshape(g, values, [-1, 1, ...axes.map(({ out }) => out)]);
  const kernel = [1, 1, ...axes.map((axis) => axis.kernel)];
  const ends = axes.map(
    (axis) => (axis.out - 1) * axis.stride + reach(axis) - axis.padBegin - axis.size,
  );
  const weights = g.constant(tensor(values.dtype ?? "float32", kernel, factor));
  const result = g.op("ConvTranspose", [planes, weights], {
    strides: axes.map(({ stride }) => stride),
    dilations: axes.map(({ dilation }) => dilation),
    pads: [...axes.map(({ padBegin }) => padBegin), ...ends.map((size) => Math.max(0, size))],
    output_padding: ends.some((size) => size < 0) ? ends.map((s) => Math.max(0, -s)) : undefined,
  });
  return reshapeLike(g, result, like);
}

/** What an average is divided by: one number, or one for each window. */
function divisors(axes: readonly Axis[], counted: boolean): readonly number[] {
  const lists = axes.map((axis) =>
    Array.from({ length: axis.out }, (_, o) => {
      const [first, end] = tapRange(axis, o);
      return counted ? paddedTaps(axis, o) : end - first;
    }),
  );
  const all = lists.reduce((outer, list) => outer.flatMap((a) => list.map((b) => a * b)), [1]);
  return all.every((count) => count === all[0]) ? [all[0]] : all;
}

/** AveragePool. */
export const averagePoolGradient: GradientRule = unaryRule(({ g, x, dy, context }) => {
  const axes = windowAxes(context, x);
  const counts = divisors(axes, context.attributes.int("count_include_pad", 0) === 1);
  if (counts.length === 1) return spread(g, dy, axes, 1 / counts[0], x);
  const shape = axes.map(({ out }) => out);
  const inverse = tensor(
    x.dtype ?? "float32",
    shape,
    counts.map((count) => 1 / count),
  );
  return spread(g, mul(g, dy, g.constant(inverse)), axes, 1, x);
});

/** sign(x) |x|^(p-1): the derivative of |x|^p / p. */
function powerOf(g: Graph, x: Value, p: number): Value {
  if (p === 2) return x;
  const sign = g.op("Sign", [x]);
  return p === 1 ? sign : mul(g, sign, pow(g, abs(g, x), numberLike(g, x, p - 1)));
}

/** y^(1-p) dL/dy; 0 at a norm of 0. */
function perNorm(g: Graph, y: Value, dy: Value, p: number): Value {
  if (p === 1) return dy;
  const zero = numberLike(g, y, 0);
  const power = p === 2 ? y : pow(g, y, numberLike(g, y, p - 1));
  return where(g, equal(g, y, zero), zero, div(g, dy, power));
}

/** LpPool. */
export const lpPoolGradient: GradientRule = unaryRule(({ g, x, y, dy, context }) => {
  const p = context.attributes.int("p", 2);
  const axes = windowAxes(context, x);
  return mul(g, powerOf(g, x, p), spread(g, perNorm(g, y, dy, p), axes, 1, x));
});

/**
 * The positions of the maxima in the whole input: a second output of the node. A node that has none is
 * replaced in the graph by one that has; a model that the graph was made of does not change.
 */
function indicesOf(context: GradientContext, x: Value): Value {
  const { g, node, attributes, outputs } = context;
  if (node.output.length > 1 && node.output[1] !== "" && attributes.int("storage_order", 0) === 0) {
    return outputs[1];
  }
  const at = g.nodes.indexOf(node);
  if (at < 0 || node.output.length > 1) {
    // Of another graph, or column by column: they are found again.
    const window = windowAttributes(windowOf(attributes));
    return g.node("MaxPool", [x], window, { outputs: 2 })[1];
  }
  const name = g.names.unique(`${node.output[0]}_indices`);
  const indices: Value = { name, dtype: "int64", shape: outputs[0].shape };
  const attribute = node.attribute.filter((item) => item.name !== "storage_order");
  const changed = shallow(node);
  changed.attribute = attribute;
  changed.output = [node.output[0], name];
  g.nodes[at] = changed;
  g.values.set(name, indices);
  return indices;
}

/** Every nth window along each axis, from `first` on. */
function everyNth(g: Graph, x: Value, first: readonly number[], n: readonly number[]): Value {
  return slice(g, x, {
    axes: first.map((_, i) => i + 2),
    starts: first,
    ends: first.map(() => Infinity),
    steps: n,
  });
}

/**
 * MaxPool. What overlaps nowhere is put back by MaxUnpool, which is 4 times as fast as ScatterElements on
 * ONNX Runtime's CPU provider. Before opset 16 values cannot be added where windows overlap: windows that
 * do not are taken together, and the sums added.
 */
export const maxPoolGradient: GradientRule = unaryRule(({ g, x, dy, context }) => {
  const axes = windowAxes(context, x);
  const indices = indicesOf(context, x);
  const distance = axes.map((axis) => Math.ceil(reach(axis) / axis.stride));
  const counts = distance.map((n, i) => Math.min(n, axes[i].out));
  const apart = elements(counts) === 1;
  // Positions count in what the window of MaxUnpool makes of the output: that of the input.
  const kernel = axes.map(({ size, out, stride }) => size - (out - 1) * stride);
  if (apart && x.dtype === "float32" && kernel.every((size) => size > 0)) {
    const window = { kernel_shape: kernel, strides: axes.map(({ stride }) => stride) };
    return g.op("MaxUnpool", [dy, indices], window);
  }
  const zeros = flatZeros(g, x);
  const put = (values: Value, places: Value, add: boolean): Value => {
    const lists = [places, values].map((list) => reshape(g, list, [-1]));
    return scatterElements(g, zeros, lists[0], lists[1], 0, add ? "add" : "none");
  };
  if (apart || g.opset >= 16) return reshapeLike(g, put(dy, indices, !apart), x);
  const parts: Value[] = [];
  const units = counts.map((_, i) => counts.map((_, k) => (i === k ? 1 : 0)));
  forEachOffset(counts, units, (_, first) => {
    const [values, places] = [dy, indices].map((all) => everyNth(g, all, [...first], distance));
    parts.push(put(values, places, false));
  });
  return reshapeLike(g, g.op("Sum", parts), x);
});

/** The gradient of one window over everything, given back to all of it. */
function everywhere(g: Graph, dy: Value, x: Value): Value {
  return g.op("Expand", [dy, sizesOf(g, x)]);
}

/** GlobalAveragePool. */
export const globalAveragePoolGradient: GradientRule = unaryRule(({ g, x, dy }) =>
  everywhere(g, scaled(g, dy, 1 / elements(knownSizes(x))), x),
);

/** GlobalLpPool. */
export const globalLpPoolGradient: GradientRule = unaryRule(({ g, x, y, dy, context }) => {
  const p = context.attributes.int("p", 2);
  return mul(g, powerOf(g, x, p), perNorm(g, y, dy, p));
});

/** GlobalMaxPool: the first maximum. */
export const globalMaxPoolGradient: GradientRule = unaryRule(({ g, x, dy }) => {
  const lines = reshape(g, x, [0, 0, -1]);
  const places = g.op("ArgMax", [lines], { axis: 2 });
  const zeros = constantOfShape(g, sizesOf(g, lines), scalar(x.dtype ?? "float32", 0));
  const values = rankOf(x) === 3 ? dy : reshape(g, dy, [0, 0, 1]);
  return reshapeLike(g, scatterElements(g, zeros, places, values, 2), x);
});

/** MaxUnpool: what came from each position. */
export const maxUnpoolGradient: GradientRule = (context) => {
  const { g, wanted, attributes } = context;
  const [x, indices] = [inputOf(context, 0), inputOf(context, 1)];
  let dy = upstream(context);
  if (dy === undefined || !wanted[0]) return [];
  const asked = context.inputs[2];
  if (asked !== undefined) {
    // The positions count in the shape that the window gives.
    const { kernel, strides, pads } = windowOf(attributes);
    const full = knownSizes(x).map(
      (size, i) => (size - 1) * strides[i] - pads[i] - pads[i + kernel.length] + kernel[i],
    );
    const sizes = asked.contents?.slice(2);
    if (sizes?.length !== full.length || !sizes.every((size) => typeof size === "number")) {
      refuse(context, "expected known numbers for output_shape");
    }
    const ends = full.map((size, i) => size - (sizes[i] as number));
    if (ends.some((size) => size !== 0)) {
      dy = pad(g, dy, [...ends.map(() => 0), 0, 0, 0, 0, ...ends], 0);
    }
  }
  const flat = reshape(g, dy, g.constant(int64s([-1])));
  return [gather(g, flat, indices, 0)];
};
