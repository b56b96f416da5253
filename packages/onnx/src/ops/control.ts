/** Control flow: `If` and `Loop`. Their graphs see the values of the scopes around them. */
import { OnnxError } from "../error.ts";
import { describeNode } from "../order.ts";
import { mergeDim, type Shape } from "../shape.ts";
import { elements, type Tensor } from "../tensor.ts";
import {
  type EvaluateContext,
  type Inferred,
  type Operator,
  required,
  type ShapeContext,
} from "./operator.ts";

/** Iterations beyond which the evaluator gives up on a `Loop`. */
const MAX_ITERATIONS = 1_000_000;

/** What holds for a value whichever of two types it has. */
function either(a: Inferred | undefined, b: Inferred | undefined): Inferred {
  const same = a?.shape !== undefined && a.shape.length === b?.shape?.length;
  const shape: Shape | undefined = same
    ? a.shape.map((dim, i) => (dim === b?.shape?.[i] ? dim : null))
    : undefined;
  return { dtype: a?.dtype === b?.dtype ? a?.dtype : undefined, shape };
}

function graphOf(context: ShapeContext | EvaluateContext, name: string) {
  const graph = context.attributes.graph(name);
  if (graph === undefined) {
    throw new OnnxError(`${describeNode(context.node)}: expected the graph ${name}, found none`);
  }
  return graph;
}

const ifOperator: Operator = {
  type: "If",
  shape: (context) => {
    const condition = context.inputs[0]?.contents?.[0];
    if (typeof condition === "number") {
      const taken = graphOf(context, condition ? "then_branch" : "else_branch");
      return context.inferGraph(taken, []);
    }
    const [a, b] = ["then_branch", "else_branch"].map((name) =>
      context.inferGraph(graphOf(context, name), []),
    );
    return a.map((type, i) => either(type, b[i]));
  },
  evaluate: (context) => {
    const condition = required(context, 0).data[0];
    return context.runGraph(graphOf(context, condition ? "then_branch" : "else_branch"), []);
  },
};

/** Rounds in which the sizes of carried values settle; after them their shapes are given up. */
const MAX_ROUNDS = 4;

const sameType = (a: Inferred, b: Inferred) =>
  a.dtype === b.dtype && String(a.shape) === String(b.shape) && !a.shape === !b.shape;

const loop: Operator = {
  type: "Loop",
  shape: (context) => {
    const graph = graphOf(context, "body");
    const counter: Inferred[] = [
      { dtype: "int64", shape: [] },
      { dtype: "bool", shape: [] },
    ];
    // What a carried value is in every iteration: its values change, its sizes may.
    let carried = context.inputs.slice(2).map((type): Inferred => {
      return { dtype: type?.dtype, shape: type?.shape };
    });
    for (let round = 0; ; round++) {
      const results = context.inferGraph(graph, [...counter, ...carried]).slice(1);
      const next = carried.map(({ dtype, shape }, i): Inferred => {
        const common = round < MAX_ROUNDS ? either({ shape }, results[i]).shape : undefined;
        return { dtype: dtype ?? results[i]?.dtype, shape: common };
      });
      if (next.every((type, i) => sameType(type, carried[i]))) {
        const scans = results.slice(carried.length).map(({ dtype, shape }): Inferred => {
          return { dtype, shape: shape && [null, ...shape] };
        });
        return [...carried, ...scans];
      }
      carried = next;
    }
  },
  evaluate: (context) => {
    const graph = graphOf(context, "body");
    const limit = context.inputs[0]?.data[0] ?? Infinity;
    let condition = context.inputs[1]?.data[0] ?? 1;
    let carried = context.inputs.slice(2).map((_, i) => required(context, i + 2));
    const scans: Tensor[][] = graph.output.slice(1 + carried.length).map(() => []);
    for (let i = 0; i < limit && condition; i++) {
      if (i >= MAX_ITERATIONS) {
        throw new OnnxError(
          `${describeNode(context.node)}: more than ${MAX_ITERATIONS} iterations`,
        );
      }
      const [go, ...results] = context.runGraph(graph, [
        { dtype: "int64", shape: [], data: Float64Array.of(i) },
        { dtype: "bool", shape: [], data: Float64Array.of(condition) },
        ...carried,
      ]);
      condition = go.data[0];
      for (const [k, scan] of scans.entries()) scan.push(results[carried.length + k]);
      carried = results.slice(0, carried.length);
    }
    return [...carried, ...scans.map(stack)];
  },
};

/** Tensors of one shape along a new first axis. */
function stack(parts: readonly Tensor[]): Tensor {
  const [first] = parts;
  if (first === undefined) return { dtype: "float32", shape: [0], data: new Float64Array(0) };
  const size = elements(first.shape);
  const data = new Float64Array(size * parts.length);
  for (const [i, part] of parts.entries()) data.set(part.data, i * size);
  return { dtype: first.dtype, shape: [parts.length, ...first.shape], data };
}

/** Merges what two sources know of a type; the first is right where they disagree. */
export function mergeTypes(a: Inferred | undefined, b: Inferred | undefined): Inferred {
  if (a === undefined || b === undefined) return a ?? b ?? {};
  const shape =
    a.shape !== undefined && b.shape !== undefined && a.shape.length === b.shape.length
      ? a.shape.map((dim, i) => mergeDim(dim, (b.shape as Shape)[i]))
      : (a.shape ?? b.shape);
  const contents = a.contents ?? b.contents;
  return { dtype: a.dtype ?? b.dtype, shape, contents, numbers: a.numbers ?? b.numbers };
}

/** The operators of this file. */
export const control: readonly Operator[] = [ifOperator, loop];
