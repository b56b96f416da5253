/**
 * Elementwise operators of one, two or more operands, with NumPy's broadcasting.
 *
 * Maximum and minimum give NaN when an operand is NaN, as ONNX Runtime does on the CPU.
 */
import type { DType } from "../dtype.ts";
import { isFloat } from "../dtype.ts";
import type { Graph, Value } from "../graph.ts";
import { addDims, broadcast, combine, type Dim, multiplyDims } from "../shape.ts";
import { roundEven, type Tensor } from "../tensor.ts";
import { allocate } from "./arguments.ts";
import { type ContentsRule, equalDims, fold, foldNumbers, numbersOnly } from "./folding.ts";
import {
  broadcastStrides,
  type EvaluateContext,
  elementwiseShape,
  forEachOffset,
  type Inferred,
  type Operator,
  required,
  type ShapeContext,
} from "./operator.ts";

/** The sum of two values. */
export function add(g: Graph, a: Value, b: Value): Value {
  return g.op("Add", [a, b]);
}

/** The difference of two values. */
export function sub(g: Graph, a: Value, b: Value): Value {
  return g.op("Sub", [a, b]);
}

/** The product of two values. */
export function mul(g: Graph, a: Value, b: Value): Value {
  return g.op("Mul", [a, b]);
}

/** The quotient of two values. */
export function div(g: Graph, a: Value, b: Value): Value {
  return g.op("Div", [a, b]);
}

/** `a` to the power of `b`. */
export function pow(g: Graph, a: Value, b: Value): Value {
  return g.op("Pow", [a, b]);
}

/** The largest of several values. */
export function max(g: Graph, ...values: Value[]): Value {
  return values.length === 1 ? values[0] : g.op("Max", values);
}

/** The smallest of several values. */
export function min(g: Graph, ...values: Value[]): Value {
  return values.length === 1 ? values[0] : g.op("Min", values);
}

/** e to the power of a value. */
export function exp(g: Graph, x: Value): Value {
  return g.op("Exp", [x]);
}

/** The natural logarithm. */
export function log(g: Graph, x: Value): Value {
  return g.op("Log", [x]);
}

/** The magnitude. */
export function abs(g: Graph, x: Value): Value {
  return g.op("Abs", [x]);
}

/** The negated value. */
export function neg(g: Graph, x: Value): Value {
  return g.op("Neg", [x]);
}

/** The square root. */
export function sqrt(g: Graph, x: Value): Value {
  return g.op("Sqrt", [x]);
}

/** The logistic function 1 / (1 + e^-x). */
export function sigmoid(g: Graph, x: Value): Value {
  return g.op("Sigmoid", [x]);
}

/** The larger of x and 0. */
export function relu(g: Graph, x: Value): Value {
  return g.op("Relu", [x]);
}

/** The hyperbolic tangent. */
export function tanh(g: Graph, x: Value): Value {
  return g.op("Tanh", [x]);
}

/** Elementwise choice: `a` where the condition holds, else `b`. */
export function where(g: Graph, condition: Value, a: Value, b: Value): Value {
  return g.op("Where", [condition, a, b]);
}

/** Whether `a` is less than `b`. */
export function less(g: Graph, a: Value, b: Value): Value {
  return g.op("Less", [a, b]);
}

/** Whether `a` is greater than `b`. */
export function greater(g: Graph, a: Value, b: Value): Value {
  return g.op("Greater", [a, b]);
}

/** Whether two values are equal. */
export function equal(g: Graph, a: Value, b: Value): Value {
  return g.op("Equal", [a, b]);
}

/** Whether both conditions hold. */
export function and(g: Graph, a: Value, b: Value): Value {
  return g.op("And", [a, b]);
}

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

/** An operator of one operand. */
function unary(type: string, f: (x: number) => number, dtype?: DType): Operator {
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
  };
}

/** An operator that gives whole numbers. Float32 is rounded to first: there the last bit decides. */
function rounding(type: string, f: (x: number) => number): Operator {
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
  };
}

/** An operator of two operands. */
function binary(
  type: string,
  f: (a: number, b: number, context: ShapeContext | EvaluateContext) => number,
  options: { dtype?: DType; contents?: ContentsRule } = {},
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
  };
}

/** An operator of any number of operands, folded from the left. */
function variadic(type: string, f: (a: number, b: number) => number, mean = false): Operator {
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
  };
}

const isIntegral = ({ inputs }: ShapeContext | EvaluateContext) =>
  inputs[0]?.dtype !== undefined && !isFloat(inputs[0].dtype);
const truth = (condition: boolean) => (condition ? 1 : 0);

/** The error function: Abramowitz and Stegun 7.1.5 (series) and 7.1.14 (continued fraction). */
function erf(x: number): number {
  const t = Math.abs(x);
  if (Number.isNaN(x)) return NaN;
  if (t > 6) return Math.sign(x);
  if (t < 2.5) {
    let term = x;
    let sum = x;
    for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = t;
  for (let n = 60; n >= 1; n--) fraction = t + n / 2 / fraction;
  return Math.sign(x) * (1 - Math.exp(-t * t) / Math.sqrt(Math.PI) / fraction);
}

const parameter = (
  type: string,
  f: (x: number, number: (name: string, fallback: number) => number) => number,
): Operator => ({
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
});

const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const logistic = (x: number) => 1 / (1 + Math.exp(-x));

const clip: Operator = {
  type: "Clip",
  shape: (context): readonly Inferred[] => [
    { dtype: context.inputs[0]?.dtype, shape: context.inputs[0]?.shape },
  ],
  evaluate: (context) => {
    const x = required(context, 0);
    // The bounds are attributes before opset 11, inputs since.
    const low = context.inputs[1]?.data[0] ?? context.attributes.float("min", -Infinity);
    const high = context.inputs[2]?.data[0] ?? context.attributes.float("max", Infinity);
    return [evaluateElementwise([x], x.dtype, (v) => Math.min(Math.max(v, low), high))];
  },
};

const whereOperator: Operator = {
  type: "Where",
  shape: (context) => {
    const [condition, a, b] = context.inputs;
    const shape = broadcast([condition?.shape, a?.shape, b?.shape]);
    const chosen = fold([condition?.contents, a?.contents, b?.contents], (c, x, y) => {
      if (typeof c === "number") return c ? x : y;
      return x === y ? x : null;
    });
    return [
      {
        dtype: a?.dtype ?? b?.dtype,
        shape,
        contents: (shape?.length ?? 2) <= 1 ? chosen : undefined,
      },
    ];
  },
  evaluate: (context) => {
    const [condition, a, b] = [0, 1, 2].map((i) => required(context, i));
    return [evaluateElementwise([condition, a, b], a.dtype, (c, x, y) => (c ? x : y))];
  },
};

/** `Div` of integers rounds toward 0; `Mod` has the sign of the divisor unless `fmod` is set. */
export const elementwise: readonly Operator[] = [
  binary("Add", (a, b) => a + b, { contents: addDims }),
  binary("Sub", (a, b) => a - b, {
    contents: (a, b) => (b === 0 ? a : a === b && a !== null ? 0 : combine(a, b, (x, y) => x - y)),
  }),
  binary("Mul", (a, b) => a * b, { contents: multiplyDims }),
  binary("Div", (a, b, context) => (isIntegral(context) ? Math.trunc(a / b) : a / b), {
    contents: (a, b) => (b === 1 ? a : numbersOnly((x, y) => Math.trunc(x / y))(a, b)),
  }),
  binary("Mod", (a, b, context) =>
    context.attributes.int("fmod", 0) === 1 ? a % b : a - b * Math.floor(a / b),
  ),
  binary("Pow", (a, b) => a ** b),
  binary("PRelu", (x, slope) => (x < 0 ? slope * x : x)),
  binary("Less", (a, b) => truth(a < b), { dtype: "bool" }),
  binary("LessOrEqual", (a, b) => truth(a <= b), { dtype: "bool" }),
  binary("Greater", (a, b) => truth(a > b), { dtype: "bool" }),
  binary("GreaterOrEqual", (a, b) => truth(a >= b), { dtype: "bool" }),
  binary("Equal", (a, b) => truth(a === b), { dtype: "bool", contents: equalDims }),
  binary("And", (a, b) => truth(a !== 0 && b !== 0), { dtype: "bool" }),
  binary("Or", (a, b) => truth(a !== 0 || b !== 0), { dtype: "bool" }),
  binary("Xor", (a, b) => truth((a !== 0) !== (b !== 0)), { dtype: "bool" }),
  variadic("Max", (a, b) => Math.max(a, b)),
  variadic("Min", (a, b) => Math.min(a, b)),
  variadic("Sum", (a, b) => a + b),
  variadic("Mean", (a, b) => a + b, true),
  unary("Abs", Math.abs),
  unary("Neg", (x) => -x),
  unary("Exp", Math.exp),
  unary("Log", Math.log),
  unary("Sqrt", Math.sqrt),
  unary("Reciprocal", (x) => 1 / x),
  unary("Sin", Math.sin),
  unary("Cos", Math.cos),
  unary("Tan", Math.tan),
  unary("Asin", Math.asin),
  unary("Acos", Math.acos),
  unary("Atan", Math.atan),
  unary("Sinh", Math.sinh),
  unary("Cosh", Math.cosh),
  unary("Tanh", Math.tanh),
  unary("Asinh", Math.asinh),
  unary("Acosh", Math.acosh),
  unary("Atanh", Math.atanh),
  unary("Erf", erf),
  rounding("Floor", Math.floor),
  rounding("Ceil", Math.ceil),
  rounding("Round", roundEven),
  unary("Sign", Math.sign),
  unary("Not", (x) => truth(x === 0), "bool"),
  unary("IsNaN", (x) => truth(Number.isNaN(x)), "bool"),
  {
    type: "IsInf",
    shape: (context) => elementwiseShape(context, "bool"),
    evaluate: (context) => {
      const negative = context.attributes.int("detect_negative", 1) === 1;
      const positive = context.attributes.int("detect_positive", 1) === 1;
      const found = (x: number) =>
        truth((x === Infinity && positive) || (x === -Infinity && negative));
      return [evaluateElementwise([required(context, 0)], "bool", found)];
    },
  },
  unary("Relu", (x) => Math.max(x, 0)),
  unary("Sigmoid", logistic),
  unary("Softplus", softplus),
  unary("Softsign", (x) => x / (1 + Math.abs(x))),
  unary("Mish", (x) => x * Math.tanh(softplus(x))),
  unary("HardSwish", (x) => x * Math.min(1, Math.max(0, x / 6 + 0.5))),
  parameter("Swish", (x, number) => x * logistic(number("alpha", 1) * x)),
  parameter("Shrink", (x, number) => {
    const [lambd, bias] = [number("lambd", 0.5), number("bias", 0)];
    return x < -lambd ? x + bias : x > lambd ? x - bias : 0;
  }),
  parameter("LeakyRelu", (x, number) => (x < 0 ? number("alpha", 0.01) * x : x)),
  parameter("Elu", (x, number) => (x < 0 ? number("alpha", 1) * Math.expm1(x) : x)),
  parameter("Celu", (x, number) => {
    const alpha = number("alpha", 1);
    return Math.max(0, x) + Math.min(0, alpha * Math.expm1(x / alpha));
  }),
  parameter("Selu", (x, number) => {
    const alpha = number("alpha", 1.6732632423543772);
    return number("gamma", 1.0507009873554805) * (x > 0 ? x : alpha * Math.expm1(x));
  }),
  parameter("ThresholdedRelu", (x, number) => (x > number("alpha", 1) ? x : 0)),
  parameter("HardSigmoid", (x, number) =>
    Math.max(0, Math.min(1, number("alpha", 0.2) * x + number("beta", 0.5))),
  ),
  {
    type: "Gelu",
    shape: (context) => elementwiseShape(context),
    evaluate: (context) => {
      const x = required(context, 0);
      const f =
        context.attributes.string("approximate", "none") === "tanh"
          ? (v: number) =>
              0.5 * v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3)))
          : (v: number) => 0.5 * v * (1 + erf(v / Math.SQRT2));
      return [evaluateElementwise([x], x.dtype, f)];
    },
  },
  clip,
  whereOperator,
];
