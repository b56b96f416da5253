/**
 * What elementwise operators are made of: evaluation with NumPy's broadcasting, known values, gradients
 * that are summed over what was repeated.
 */
import type { DType } from "../dtype.ts";
import type { Graph, Value } from "../graph.ts";
import { broadcast, type Dim } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { allocate } from "./arguments.ts";
import { sumTo } from "./broadcasting.ts";
import { type ContentsRule, fold, foldNumbers, numbersOnly } from "./folding.ts";
import {
  broadcastStrides,
  type EvaluateContext,
  elementwiseShape,
  forEachOffset,
  type GradientRule,
  type Operator,
  required,
  type ShapeContext,
} from "./operator.ts";
import { inputOf, shapedLike, type UnaryParts, unaryRule, upstream, wants } from "./rules.ts";

/** Applies a function elementwise to broadcast operands. */
export function evaluateElementwise(
  operands: readonly Tensor[],
  dtype: DType,
  f: (...values: number[]) => number,
): Tensor {
  const shape = (broadcast(operands.map((operand) => operand.shape)) ?? []) as number[];
  const data = allocate(shape);
  if (operands.every((operand) => operand.data.length === data.length)) {
    const [a, b, c] = operands.map((operand) => operand.data);
    if (operands.length === 1) for (let i = 0; i < data.length; i++) data[i] = f(a[i]);
    else if (operands.length === 2) for (let i = 0; i < data.length; i++) data[i] = f(a[i], b[i]);
    else for (let i = 0; i < data.length; i++) data[i] = f(a[i], b[i], c[i]);
    return { dtype, shape, data };
  }
  const steps = operands.map((operand) => broadcastStrides(operand.shape, shape));
  const values = new Array<number>(operands.length);
  forEachOffset(shape, steps, (index, offsets) => {
    for (let k = 0; k < operands.length; k++) values[k] = operands[k].data[offsets[k]];
    data[index] = f(...values);
  });
  return { dtype, shape, data };
}

/** An operator of one operand. `gradient`: see {@link Operator}. */
export function unary(
  type: string,
  f: (x: number) => number,
  gradient: ((parts: UnaryParts) => Value) | null,
  dtype?: DType,
): Operator {
  return {
    type,
    shape: (context) => {
      const [result] = elementwiseShape(context, dtype);
      const contents = fold([context.inputs[0]?.contents], (dim) => numbersOnly(f)(dim, 0));
      return [{ ...result, contents, numbers: foldNumbers(result.dtype, context.inputs, f) }];
    },
    evaluate: (context) => {
      const x = required(context, 0);
      return [evaluateElementwise([x], dtype ?? x.dtype, f)];
    },
    gradient: gradient && unaryRule(gradient),
  };
}

/** An operator that gives whole numbers. Float32 is rounded to first: there the last bit decides. */
export function rounding(type: string, f: (x: number) => number): Operator {
  return {
    type,
    shape: (context) => {
      const [result] = elementwiseShape(context);
      return [{ ...result, numbers: foldNumbers(result.dtype, context.inputs, f) }];
    },
    evaluate: (context) => {
      const x = required(context, 0);
      const round = x.dtype === "float32" ? (value: number) => f(Math.fround(value)) : f;
      return [evaluateElementwise([x], x.dtype, round)];
    },
    gradient: null,
  };
}

/** What the gradient of an operator of two operands is made of. */
export interface BinaryParts {
  /** Where nodes are emitted. */
  readonly g: Graph;
  /** The first operand. */
  readonly a: Value;
  /** The second operand. */
  readonly b: Value;
  /** The output. */
  readonly y: Value;
  /** The gradient of the output. */
  readonly dy: Value;
}

/** Gradients of the two operands before repeated axes are summed; `undefined` where nothing flows. */
export type BinaryGradient = readonly [
  a: (parts: BinaryParts) => Value | undefined,
  b: (parts: BinaryParts) => Value | undefined,
  /** Whether the part of `b` is negated, once it is summed. */
  negated?: "negated",
];

function binaryRule([ofA, ofB, negated]: BinaryGradient): GradientRule {
  return (context) => {
    const dy = upstream(context);
    if (dy === undefined) return [];
    const [a, b] = [inputOf(context, 0), inputOf(context, 1)];
    return [a, b].map((operand, i) => {
      if (!wants(context, i)) return undefined;
      const f = i === 0 ? ofA : ofB;
      const whole = f({ g: context.g, a, b, y: context.outputs[0], dy });
      const part = whole && summed(context.g, whole, operand, dy);
      return part && i === 1 && negated ? context.g.op("Neg", [part]) : part;
    });
  };
}

/** The gradient of an operand from that of the operand as it was repeated. */
export function summed(g: Graph, whole: Value, operand: Value, like: Value): Value {
  return shapedLike(g, sumTo(g, shapedLike(g, whole, like), operand), operand);
}

/** An operator of two operands. Without a gradient its derivative is 0 wherever there is one. */
export function binary(
  type: string,
  f: (a: number, b: number, context: ShapeContext | EvaluateContext) => number,
  options: { dtype?: DType; contents?: ContentsRule; gradient?: BinaryGradient } = {},
): Operator {
  return {
    type,
    shape: (context) => {
      const [result] = elementwiseShape(context, options.dtype);
      if ((result.shape?.length ?? 2) > 1) return [result];
      const plain = (a: number, b: number) => f(a, b, context);
      const rule = options.contents ?? numbersOnly(plain);
      const contents = fold([context.inputs[0]?.contents, context.inputs[1]?.contents], rule);
      return [{ ...result, contents, numbers: foldNumbers(result.dtype, context.inputs, plain) }];
    },
    evaluate: (context) => {
      const a = required(context, 0);
      const b = required(context, 1);
      return [evaluateElementwise([a, b], options.dtype ?? a.dtype, (x, y) => f(x, y, context))];
    },
    gradient: options.gradient ? binaryRule(options.gradient) : null,
  };
}

/** An operator of any number of operands, folded from the left. */
export function variadic(
  type: string,
  f: (a: number, b: number) => number,
  gradient: GradientRule,
  mean = false,
): Operator {
  return {
    type,
    shape: (context) => {
      const [result] = elementwiseShape(context);
      if ((result.shape?.length ?? 2) > 1 || context.inputs.length > 2 || mean) return [result];
      const contents = fold(
        context.inputs.map((input) => input?.contents),
        (a: Dim, b: Dim = a) => (a === b && type !== "Sum" ? a : numbersOnly(f)(a, b)),
      );
      return [{ ...result, contents }];
    },
    evaluate: (context) => {
      const operands = context.inputs.map((_, i) => required(context, i));
      let result = operands[0];
      for (const operand of operands.slice(1)) {
        result = evaluateElementwise([result, operand], result.dtype, f);
      }
      const count = operands.length;
      return [mean ? evaluateElementwise([result], result.dtype, (x) => x / count) : result];
    },
    gradient,
  };
}

/** Gives the value of an attribute. */
export type NumberOf = (name: string, fallback: number) => number;

/** An operator of one operand with numbers as attributes. */
export function parameter(
  type: string,
  f: (x: number, number: NumberOf) => number,
  gradient: (parts: UnaryParts, number: NumberOf) => Value,
): Operator {
  return {
    type,
    shape: (context) => elementwiseShape(context),
    evaluate: (context) => {
      const x = required(context, 0);
      const values = new Map<string, number>();
      const number = (name: string, fallback: number): number => {
        let value = values.get(name);
        if (value === undefined) {
          value = context.attributes.float(name, fallback);
          values.set(name, value);
        }
        return value;
      };
      return [evaluateElementwise([x], x.dtype, (value) => f(value, number))];
    },
    gradient: unaryRule((parts) =>
      gradient(parts, (name, fallback) => parts.context.attributes.float(name, fallback)),
    ),
  };
}
