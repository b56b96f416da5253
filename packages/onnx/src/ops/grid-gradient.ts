/**
 * The gradient of GridSample, linear and nearest, along any number of axes. A place p of an axis lies
 * between the elements f = floor(p) and f + 1, which have the weights 1 - t and t with t = p - f; a result
 * is the sum of its taps, one element of each axis, with the products of their weights.
 *
 *     dL/dx at a tap   = sum of dy times the tap's weight over all places that take it
 *     dL/dp of an axis = sum over channels and taps of dy x_tap times the product of the weights, with that
 *                        of the axis replaced by its slope, -1 or 1
 *
 * An element outside is moved inside or counts as 0; a place that the border holds has no slope, as both
 * of its elements are the same.
 */
import type { Graph, Value } from "../graph.ts";
import { int64s } from "../tensor.ts";
import { and, greater, less } from "./elementwise.ts";
import { gatherElements } from "./gather.ts";
import { concat } from "./join.ts";
import { type GradientRule, strides } from "./operator.ts";
import { reduce } from "./reduce.ts";
import { reshape } from "./reshape.ts";
import {
  castLikeValue,
  inputOf,
  mask,
  numberLike,
  refuse,
  reshapeLike,
  scaled,
  sizesOf,
  upstream,
  wants,
  zeros,
} from "./rules.ts";
import { scatterElements } from "./scatter.ts";
import { slice } from "./slice.ts";
import { knownSizes } from "./spatial.ts";
import { expand, transpose } from "./transpose.ts";

/** How a node samples. */
export interface Sampling {
  /** How elements are mixed. */
  readonly mode: "nearest" | "linear" | "cubic";
  /** What elements outside are: `zeros`, `border` or `reflection`. */
  readonly padding: string;
  /** Whether -1 and 1 are the middles of the outermost elements instead of their outer edges. */
  readonly aligned: boolean;
}

/** One of the elements of an axis that places are made of, all [N, 1, places]. */
interface Tap {
  /** Its place in a row of all elements, int64: the index times the axis' stride. */
  readonly offset: Value;
  /** Its weight. */
  readonly weight: Value;
  /** The derivative of its weight by the place; `undefined` for 0. */
  readonly slope: Value | undefined;
}

/** An element's index moved inside. */
function inside(g: Graph, index: Value, size: number, { padding, aligned }: Sampling): Value {
  const number = (value: number) => numberLike(g, index, value);
  const clamped = (x: Value) => g.op("Max", [g.op("Min", [x, number(size - 1)]), number(0)]);
  // Mirrored about the outermost elements, or about their outer edges, which takes them twice.
  const period = aligned ? 2 * (size - 1) : 2 * size;
  if (padding !== "reflection" || period === 0) return clamped(index);
  const turns = g.op("Floor", [g.op("Div", [index, number(period)])]);
  const turned = g.op("Sub", [index, scaled(g, turns, period)]);
  const back = g.op("Sub", [number(aligned ? period : period - 1), turned]);
  return clamped(g.op("Min", [turned, back]));
}

/** The elements of one axis that places are made of. */
function tapsOf(g: Graph, place: Value, size: number, stride: number, how: Sampling): Tap[] {
  const tap = (index: Value, weight: Value, slope: Value | undefined): Tap => {
    const own = g.op("Cast", [inside(g, index, size, how)], { to: 7 });
    const offset = g.op("Mul", [own, g.constant(int64s([stride]))]);
    if (how.padding !== "zeros") return { offset, weight, slope };
    const number = (value: number) => numberLike(g, index, value);
    const there = and(g, greater(g, index, number(-0.5)), less(g, index, number(size - 0.5)));
    const exists = mask(g, there, index);
    const times = (value: Value) => g.op("Mul", [value, exists]);
    return { offset, weight: times(weight), slope: slope && times(slope) };
  };
  const one = numberLike(g, place, 1);
  if (how.mode === "nearest") return [tap(g.op("Round", [place]), one, undefined)];
  const first = g.op("Floor", [place]);
  const t = g.op("Sub", [place, first]);
  return [
    tap(first, g.op("Sub", [one, t]), numberLike(g, place, -1)),
    tap(g.op("Add", [first, one]), t, one),
  ];
}

const total = (g: Graph, type: string, values: readonly Value[]): Value =>
  values.reduce((a, b) => g.op(type, [a, b]));

/** The gradient of a GridSample that samples as `samplingOf` says. */
export const gridSampleGradient =
  (samplingOf: (context: Parameters<GradientRule>[0]) => Sampling): GradientRule =>
  (context) => {
    const { g } = context;
    const dy = upstream(context);
    if (dy === undefined) return [];
    const [x, grid] = [inputOf(context, 0), inputOf(context, 1)];
    const how = samplingOf(context);
    if (how.mode === "cubic") {
      return refuse(context, "expected the mode nearest or linear, received cubic");
    }
    const sizes = knownSizes(x);
    const rank = sizes.length;
    // Rows of elements [N, C, elements] and of places [N, C, places].
    const rows = reshape(g, x, [0, 0, -1]);
    const above = reshape(g, dy, [0, 0, -1]);
    const places = transpose(g, castLikeValue(g, reshape(g, grid, [0, -1, rank]), x), [0, 2, 1]);
    const steps = strides(sizes);
    const scale = sizes.map((size) => (how.aligned ? size - 1 : size) / 2);
    const axes = sizes.map((size, axis) => {
      const at = rank - 1 - axis;
      const own = slice(g, places, { axes: [1], starts: [at], ends: [at + 1] });
      const offset = numberLike(g, own, (size - 1) / 2);
      const place = g.op("Add", [scaled(g, own, scale[axis]), offset]);
      return tapsOf(g, place, size, steps[axis], how);
    });
    const taps = axes.reduce<Tap[][]>(
      (lists, own) => lists.flatMap((list) => own.map((tap) => [...list, tap])),
      [[]],
    );
    const shape = sizesOf(g, above);
    const offsets = taps.map((list) => {
      const sum = total(
        g,
        "Add",
        list.map(({ offset }) => offset),
      );
      return expand(g, sum, shape);
    });
    const weights = (list: readonly Tap[], but = -1) =>
      list.flatMap(({ weight }, axis) => (axis === but ? [] : [weight]));

    const byElements = (): Value => {
      const parts = taps.map((list) => total(g, "Mul", [above, ...weights(list)]));
      const [indices, updates] = [offsets, parts].map((list) => concat(g, list, 2));
      return reshapeLike(g, scatterElements(g, zeros(g, rows), indices, updates, 2, "add"), x);
    };
    const byPlaces = (): Value => {
      const sums = offsets.map((offset) => {
        const product = g.op("Mul", [above, gatherElements(g, rows, offset, 2)]);
        return reduce(g, "ReduceSum", product, [1], true);
      });
      const slopes = sizes.map((_, axis) => {
        const parts = taps.map((list, k) =>
          total(g, "Mul", [sums[k], list[axis].slope as Value, ...weights(list, axis)]),
        );
        return scaled(g, total(g, "Add", parts), scale[axis]);
      });
      const joined = rank === 1 ? slopes[0] : concat(g, slopes.reverse(), 1);
      return reshapeLike(g, castLikeValue(g, transpose(g, joined, [0, 2, 1]), grid), grid);
    };
    return [
      wants(context, 0) ? byElements() : undefined,
      wants(context, 1) && how.mode === "linear" ? byPlaces() : undefined,
    ];
  };
