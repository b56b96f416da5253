/** Elements in another order or repeated: Transpose, Expand, Tile. */
import { OnnxError } from "../error.ts";
import type { Graph, Value } from "../graph.ts";
import { MAX_CONTENTS } from "../known.ts";
import { describeNode } from "../order.ts";
import { broadcast, type Dim, isStatic, multiplyDims, type Shape } from "../shape.ts";
import { elements, int64s, type Tensor } from "../tensor.ts";
import { listGiven, spelledShape, strided, stridedContents, unknownShape } from "./arguments.ts";
import { sumTo } from "./broadcasting.ts";
import {
  broadcastStrides,
  type EvaluateContext,
  type GradientRule,
  type Inferred,
  knownIntegers,
  type Operator,
  required,
  type ShapeContext,
  strides,
  typeOf,
} from "./operator.ts";
import { reduce } from "./reduce.ts";
import { inputOf, refuse, reshapeLike, sizesOf, unaryRule } from "./rules.ts";

/** A value whose axis i is axis `permutation[i]` of the input. */
export function transpose(g: Graph, x: Value, permutation: readonly number[]): Value {
  return g.op("Transpose", [x], { perm: permutation });
}

/**
 * A value repeated along axes of size 1, by the rules of broadcasting.
 * @param shape sizes to broadcast with: one-dimensional int64
 */
export function expand(g: Graph, x: Value, shape: Value): Value {
  return g.op("Expand", [x, shape]);
}

/** The permutation of a `Transpose`: the axes reversed unless it is given. */
function permutationOf(context: ShapeContext | EvaluateContext, rank: number): number[] {
  const given = context.attributes.ints("perm");
  const axes = given ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
  const sorted = [...axes].sort((a, b) => a - b);
  if (sorted.length === rank && sorted.every((axis, i) => axis === i)) return axes;
  throw new OnnxError(
    `${describeNode(context.node)}: attribute "perm": expected the axes 0 to ${rank - 1} once each, received [${axes.join(", ")}]`,
  );
}

/** The inverse permutation; without one the axes are reversed once more. */
const transposeRule: GradientRule = unaryRule(({ g, dy, context }) => {
  const axes = context.attributes.ints("perm");
  if (axes === undefined) return g.op("Transpose", [dy]);
  return transpose(
    g,
    dy,
    axes.map((_, i) => axes.indexOf(i)),
  );
});

const transposeOperator: Operator = {
  type: "Transpose",
  shape: (context) => {
    const { dtype, shape, contents } = typeOf(context, 0);
    const rank = shape?.length ?? context.attributes.ints("perm")?.length;
    if (rank === undefined) return [{ dtype }];
    const axes = permutationOf(context, rank);
    const permuted = axes.map((axis) => shape?.[axis] ?? null);
    if (!isStatic(shape)) {
      return [{ dtype, shape: permuted, contents: rank <= 1 ? contents : undefined }];
    }
    const own = strides(shape);
    const steps = axes.map((axis) => own[axis]);
    return [{ dtype, shape: permuted, contents: stridedContents(contents, permuted, steps) }];
  },
  evaluate: (context) => {
    const x = required(context, 0);
    const axes = permutationOf(context, x.shape.length);
    const steps = strides(x.shape);
    return [
      strided(
        x,
        axes.map((axis) => x.shape[axis]),
        axes.map((axis) => steps[axis]),
      ),
    ];
  },
  gradient: transposeRule,
};

/** A short tensor of one repeated integer, when its size is known. */
function repeatedContents(x: Inferred, shape: Shape | undefined): readonly Dim[] | undefined {
  if (x.contents?.length !== 1 || !isStatic(shape)) return undefined;
  const count = elements(shape);
  return count <= MAX_CONTENTS ? new Array<Dim>(count).fill(x.contents[0]) : undefined;
}

const expandOperator: Operator = {
  type: "Expand",
  shape: (context) => {
    const x = typeOf(context, 0);
    const shape = broadcast([x.shape, spelledShape(context.inputs[1])]);
    return [{ dtype: x.dtype, shape, contents: repeatedContents(x, shape) }];
  },
  evaluate: (context) => {
    const x = required(context, 0);
    const target = Array.from(required(context, 1).data);
    const shape = broadcast([x.shape, target]) as readonly number[];
    return [strided(x, shape, broadcastStrides(x.shape, shape))];
  },
  gradient: unaryRule(({ g, x, dy }) => sumTo(g, dy, x)),
};

/** The sum of the repeats: each axis as two, its repeats and its elements. */
const tileRule: GradientRule = unaryRule(({ g, x, dy, context }) => {
  const rank = x.shape?.length;
  if (x.shape === undefined || rank === undefined) {
    return refuse(context, "expected an input with a known number of axes");
  }
  if (rank === 0) return dy;
  const repeats = listGiven(context, "", 1);
  if (repeats?.every((count) => count === 1)) return dy;
  const axes = Array.from({ length: rank }, (_, i) => 2 * i);
  const sizes = x.shape.flatMap((size, i) => [repeats?.[i] ?? null, size]);
  if (sizes.filter((size) => typeof size !== "number").length <= 1) {
    const target = int64s(sizes.map((size) => (typeof size === "number" ? size : -1)));
    const parts = g.op("Reshape", [dy, g.constant(target)]);
    const repeated = axes.filter((axis) => sizes[axis] !== 1);
    return reshapeLike(g, reduce(g, "ReduceSum", parts, repeated, false), x);
  }
  const column = g.constant(int64s([rank, 1]));
  const columns = [inputOf(context, 1), sizesOf(g, x)].map((list) =>
    g.op("Reshape", [list, column]),
  );
  const target = g.op("Reshape", [
    g.op("Concat", columns, { axis: 1 }),
    g.constant(int64s([2 * rank])),
  ]);
  const parts = g.op("Reshape", [dy, target]);
  return reduce(g, "ReduceSum", parts, axes, false);
});

const tile: Operator = {
  type: "Tile",
  shape: (context) => {
    const { dtype, shape, contents } = typeOf(context, 0);
    const repeats = spelledShape(context.inputs[1]);
    if (shape === undefined) return [{ dtype, shape: repeats && unknownShape(repeats.length) }];
    const dims = shape.map((dim, i) => multiplyDims(dim, repeats?.[i] ?? null));
    const [count] = knownIntegers(context.inputs[1]) ?? [];
    const tiled =
      shape.length === 1 && contents !== undefined && count * contents.length <= MAX_CONTENTS
        ? Array.from({ length: count }, () => contents).flat()
        : undefined;
    return [{ dtype, shape: dims, contents: tiled }];
  },
  evaluate: (context) => [tiledTensor(required(context, 0), required(context, 1), context)],
  gradient: tileRule,
};

function tiledTensor(x: Tensor, repeats: Tensor, context: EvaluateContext): Tensor {
  if (repeats.data.length !== x.shape.length) {
    throw new OnnxError(
      `${describeNode(context.node)}: expected ${x.shape.length} repeats, received ${repeats.data.length}`,
    );
  }
  // Each axis is two: its repeats, and its elements.
  const steps = strides(x.shape).flatMap((step) => [0, step]);
  const split = x.shape.flatMap((dim, i) => [repeats.data[i], dim]);
  const shape = x.shape.map((dim, i) => repeats.data[i] * dim);
  return { ...strided(x, split, steps), shape };
}

/** The operators of this file. */
export const arranging: readonly Operator[] = [expandOperator, tile, transposeOperator];
