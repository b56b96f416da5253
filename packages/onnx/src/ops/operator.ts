/**
 * What is known of an operator: how its results' types follow from its inputs' (`shape`), and what it
 * computes (`evaluate`, in float64). Builders that emit its nodes stand beside them in the same file.
 * The operators' definitions: https://onnx.ai/onnx/operators/
 */
import type { GraphProto, NodeProto } from "onnx-buf";
import type { Attributes } from "../attributes.ts";
import type { DType } from "../dtype.ts";
import { OnnxError } from "../error.ts";
import type { Graph, Value } from "../graph.ts";
import { describeNode } from "../order.ts";
import { broadcast, type Dim, isStatic, type Shape, type ValueType } from "../shape.ts";
import type { Tensor } from "../tensor.ts";

/** What marks a node that hands on its value but no gradient. */
export const DETACHED = "detached: a constant for gradients";

/** What inference knows of a value. */
export interface Inferred extends ValueType {
  /**
   * The elements of a short tensor of integers or booleans (0 and 1), flattened, as far as they are
   * known: what shape arithmetic computes with. At most 1024 elements.
   */
  readonly contents?: readonly Dim[] | undefined;
  /**
   * The elements of a short tensor of floating-point numbers (float16, bfloat16, float32, float64),
   * flattened: all of them, or `undefined`. At most 64 elements.
   */
  readonly numbers?: readonly number[] | undefined;
}

/** What a shape rule sees of its node. */
export interface ShapeContext {
  /** The node. */
  readonly node: NodeProto;
  /** Its attributes. */
  readonly attributes: Attributes;
  /** Version of the operator set. */
  readonly opset: number;
  /** What is known of each input; `undefined` for one that is left out. */
  readonly inputs: readonly (Inferred | undefined)[];
  /** Infers a subgraph of the node and gives the types of its outputs. */
  inferGraph(graph: GraphProto, inputs: readonly Inferred[]): Inferred[];
}

/** What an evaluation sees of its node. */
export interface EvaluateContext {
  /** The node. */
  readonly node: NodeProto;
  /** Its attributes. */
  readonly attributes: Attributes;
  /** Version of the operator set. */
  readonly opset: number;
  /** The inputs; `undefined` for one that is left out. */
  readonly inputs: readonly (Tensor | undefined)[];
  /** Evaluates a subgraph of the node on inputs, with the values of the scopes around it. */
  runGraph(graph: GraphProto, inputs: readonly Tensor[]): Tensor[];
}

/** What a gradient rule sees of its node. */
export interface GradientContext {
  /** The graph that the gradient's nodes go to; the node's values can be read in it. */
  readonly g: Graph;
  /** The node. */
  readonly node: NodeProto;
  /** Its attributes. */
  readonly attributes: Attributes;
  /** Its inputs; `undefined` for one that is left out. */
  readonly inputs: readonly (Value | undefined)[];
  /** Its outputs. */
  readonly outputs: readonly Value[];
  /** The gradient of each output; `undefined` where nothing depends on it. */
  readonly gradients: readonly (Value | undefined)[];
  /** Whether the gradient of each input is asked for; others may be left out. */
  readonly wanted: readonly boolean[];
}

/**
 * Emits the gradients of a node's inputs, each of its input's shape; `undefined` where nothing flows.
 * @throws OnnxError when a size that it needs is not known
 */
export type GradientRule = (context: GradientContext) => readonly (Value | undefined)[];

/** An operator. */
export interface Operator {
  /** Its name, as in `op_type`. */
  readonly type: string;
  /** Its domain; default the standard operators. */
  readonly domain?: string;
  /** Types of the outputs; entries may be missing where nothing is known. */
  shape(context: ShapeContext): readonly Inferred[];
  /** Values of the outputs. */
  evaluate(context: EvaluateContext): readonly Tensor[];
  /**
   * Gradients of the inputs. `null` where the derivative is 0 wherever there is one (comparisons,
   * shapes); left out where there is no rule.
   */
  readonly gradient?: GradientRule | null;
}

/**
 * An input that must be there.
 * @throws OnnxError when it is left out
 */
export function required(context: EvaluateContext, index: number): Tensor {
  const value = context.inputs[index];
  if (value === undefined) {
    throw new OnnxError(`${describeNode(context.node)}: expected input ${index}, it is left out`);
  }
  return value;
}

/** An input's type, with nothing known when it is left out. */
export function typeOf(context: ShapeContext, index: number): Inferred {
  return context.inputs[index] ?? {};
}

/** The integers of an input as plain numbers, or `undefined` when one of them is not known. */
export function knownIntegers(value: Inferred | undefined): readonly number[] | undefined {
  return isStatic(value?.contents) ? value.contents : undefined;
}

/** An axis from 0; negative ones count from the end. */
export function normalAxis(axis: number, rank: number, where: string): number {
  const normal = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || normal < 0 || normal >= rank) {
    throw new OnnxError(
      `${where}: expected an axis from ${-rank} to ${rank - 1}, received ${axis}`,
    );
  }
  return normal;
}

/** The axis that a node works along; `fallback` when it names none. */
export function axisOfNode(
  context: ShapeContext | EvaluateContext,
  rank: number,
  fallback: number,
): number {
  return normalAxis(context.attributes.int("axis", fallback), rank, describeNode(context.node));
}

/** The result type of an elementwise operator. */
export function elementwiseShape(context: ShapeContext, dtype?: DType): readonly Inferred[] {
  const given = context.inputs.filter((input) => input !== undefined);
  const shape: Shape | undefined = broadcast(given.map((input) => input.shape));
  return [{ dtype: dtype ?? given.find((input) => input.dtype !== undefined)?.dtype, shape }];
}

/** The distance of neighbouring elements along each axis of a row-major tensor. */
export function strides(shape: readonly number[]): number[] {
  const result = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    result[i] = step;
    step *= shape[i];
  }
  return result;
}

/**
 * Calls `f` for every element of `shape` in row-major order, with the offsets that the element has in
 * several tensors of the given strides.
 */
export function forEachOffset(
  shape: readonly number[],
  steps: readonly (readonly number[])[],
  f: (index: number, offsets: number[]) => void,
): void {
  const count = shape.reduce((product, size) => product * size, 1);
  const position = new Array<number>(shape.length).fill(0);
  const offsets = new Array<number>(steps.length).fill(0);
  for (let index = 0; index < count; index++) {
    f(index, offsets);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      position[axis]++;
      for (let k = 0; k < steps.length; k++) offsets[k] += steps[k][axis];
      if (position[axis] < shape[axis]) break;
      for (let k = 0; k < steps.length; k++) offsets[k] -= steps[k][axis] * shape[axis];
      position[axis] = 0;
    }
  }
}

/** Strides of a tensor that is broadcast to `shape`: 0 along the axes that are repeated. */
export function broadcastStrides(from: readonly number[], shape: readonly number[]): number[] {
  const own = strides(from);
  const shift = shape.length - from.length;
  return shape.map((_, i) => (i < shift || from[i - shift] === 1 ? 0 : own[i - shift]));
}
