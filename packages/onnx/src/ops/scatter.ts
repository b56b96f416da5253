/**
 * Values put into a tensor at positions: ScatterElements, Scatter (its name before opset 11),
 * ScatterND. Where positions meet, a reduction joins the values; without one the last one stays.
 */
import { OnnxError, quote } from "../error.ts";
import type { Graph, Value } from "../graph.ts";
import { describeNode } from "../order.ts";
import { elements, type Tensor } from "../tensor.ts";
import { plainAxis } from "./arguments.ts";
import { normalIndex } from "./gather.ts";
import {
  axisOfNode,
  type EvaluateContext,
  forEachOffset,
  type GradientRule,
  type Operator,
  required,
  strides,
  typeOf,
} from "./operator.ts";
import { inputOf, refuse, shapedLike, upstream, wants, zeros } from "./rules.ts";

/** How a value that is put joins the one that is there. */
export type ScatterReduction = "none" | "add" | "mul" | "max" | "min";

/**
 * `data` with data[i, indices[i, j, k], k] = updates[i, j, k] for axis 1, and so on.
 * @param indices positions along the axis, with the shape of `updates`
 * @param reduction how values join; default `none`: they replace
 * @throws OnnxError when the opset lacks the reduction (add and mul since 16, max and min since 18)
 */
export function scatterElements(
  g: Graph,
  data: Value,
  indices: Value,
  updates: Value,
  axis: number,
  reduction: ScatterReduction = "none",
): Value {
  const since = reduction === "none" ? 0 : reduction === "add" || reduction === "mul" ? 16 : 18;
  if (g.opset < since) {
    throw new OnnxError(
      `ScatterElements: reduction: ${reduction} needs opset ${since} or newer, received ${g.opset}`,
    );
  }
  return g.op(g.opset < 11 ? "Scatter" : "ScatterElements", [data, indices, updates], {
    axis: plainAxis(axis, data.shape?.length),
    reduction: reduction === "none" ? undefined : reduction,
  });
}

const joins: Readonly<Record<string, (old: number, value: number) => number>> = {
  none: (_, value) => value,
  add: (old, value) => old + value,
  mul: (old, value) => old * value,
  max: Math.max,
  min: Math.min,
};

function joinOf(context: EvaluateContext): (old: number, value: number) => number {
  const name = context.attributes.string("reduction", "none");
  if (Object.hasOwn(joins, name)) return joins[name];
  throw new OnnxError(
    `${describeNode(context.node)}: attribute "reduction": expected ${Object.keys(joins).join(", ")}, received ${quote(name)}`,
  );
}

/**
 * The data's gradient without the positions that were replaced (all of it for `add`); the updates' at
 * their positions.
 */
const scatterRule =
  (scatter: string, gather: string): GradientRule =>
  (context) => {
    const { g, attributes } = context;
    const dy = upstream(context);
    if (dy === undefined) return [];
    const reduction = attributes.string("reduction", "none");
    if (reduction !== "none" && reduction !== "add") {
      return refuse(context, `expected the reduction none or add, received ${reduction}`);
    }
    const [data, indices, updates] = [0, 1, 2].map((i) => inputOf(context, i));
    const axis = attributes.int("axis");
    const cleared = () => {
      if (reduction === "add") return dy;
      const inputs = [dy, indices, zeros(g, updates)];
      return shapedLike(g, g.op(scatter, inputs, { axis }), data);
    };
    const taken = () => shapedLike(g, g.op(gather, [dy, indices], { axis }), updates);
    return [
      wants(context, 0) ? cleared() : undefined,
      undefined,
      wants(context, 2) ? taken() : undefined,
    ];
  };

function elementsOperator(type: string): Operator {
  return {
    type,
    shape: (context) => {
      const { dtype, shape } = typeOf(context, 0);
      return [{ dtype, shape }];
    },
    evaluate: (context) => {
      const x = required(context, 0);
      const indices = required(context, 1);
      const updates = required(context, 2);
      const join = joinOf(context);
      const axis = axisOfNode(context, x.shape.length, 0);
      const own = strides(x.shape);
      const steps = own.map((step, i) => (i === axis ? 0 : step));
      const data = x.data.slice();
      forEachOffset(indices.shape, [steps], (i, [place]) => {
        const index = normalIndex(indices.data[i], x.shape[axis], describeNode(context.node));
        const at = place + index * own[axis];
        data[at] = join(data[at], updates.data[i]);
      });
      return [{ ...x, data }];
    },
    gradient: scatterRule(type, "GatherElements"),
  };
}

const scatterNd: Operator = {
  type: "ScatterND",
  shape: (context) => {
    const { dtype, shape } = typeOf(context, 0);
    return [{ dtype, shape }];
  },
  evaluate: (context): readonly Tensor[] => {
    const x = required(context, 0);
    const indices = required(context, 1);
    const updates = required(context, 2);
    const join = joinOf(context);
    const depth = indices.shape.at(-1) ?? 0;
    const own = strides(x.shape);
    const width = elements(x.shape.slice(depth));
    const count = elements(indices.shape.slice(0, -1));
    const data = x.data.slice();
    for (let i = 0; i < count; i++) {
      let at = 0;
      for (let k = 0; k < depth; k++) {
        const index = indices.data[i * depth + k];
        at += normalIndex(index, x.shape[k], describeNode(context.node)) * own[k];
      }
      for (let k = 0; k < width; k++) {
        data[at + k] = join(data[at + k], updates.data[i * width + k]);
      }
    }
    return [{ ...x, data }];
  },
  gradient: scatterRule("ScatterND", "GatherND"),
};

/** The operators of this file. */
export const scattering: readonly Operator[] = [
  elementsOperator("Scatter"),
  elementsOperator("ScatterElements"),
  scatterNd,
];
