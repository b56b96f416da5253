/**
 * Elementwise arithmetic, comparisons, logic, choice and elementary functions.
 *
 * Maximum and minimum give NaN when an operand is NaN, as ONNX Runtime does on the CPU. Where operands
 * are equal, their gradient is shared evenly; that of `Clip` is 1 at the bounds, of `Abs` 0 at 0.
 */
import { isFloat } from "../dtype.ts";
import type { Graph, Value } from "../graph.ts";
import { addDims, broadcast, combine, multiplyDims } from "../shape.ts";
import { roundEven } from "../tensor.ts";
import { erf } from "./activations.ts";
import { equal } from "./elementwise.ts";
import {
  type BinaryGradient,
  type BinaryParts,
  binary,
  evaluateElementwise,
  rounding,
  summed,
  unary,
  variadic,
} from "./elementwise-operator.ts";
import { equalDims, fold, numbersOnly } from "./folding.ts";
import {
  type EvaluateContext,
  elementwiseShape,
  type GradientContext,
  type GradientRule,
  type Inferred,
  type Operator,
  required,
  type ShapeContext,
} from "./operator.ts";
import {
  castLikeValue,
  inputOf,
  mask,
  masked,
  numberLike,
  scaled,
  upstream,
  wants,
} from "./rules.ts";

const isIntegral = ({ inputs }: ShapeContext | EvaluateContext) =>
  inputs[0]?.dtype !== undefined && !isFloat(inputs[0].dtype);
const truth = (condition: boolean) => (condition ? 1 : 0);

/** The exponent of a power when it is one number for all elements. */
function exponentOf({ numbers, contents }: Value): number | undefined {
  const known = numbers ?? contents;
  const [exponent] = known ?? [];
  return known?.length === 1 && typeof exponent === "number" ? exponent : undefined;
}

/** dx = dy b a^(b - 1); 0 where b is 0. */
function powerBase({ g, a, b, y, dy }: BinaryParts): Value | undefined {
  const mul = (x: Value, z: Value) => g.op("Mul", [x, z]);
  const power = (by: Value) => g.op("Pow", [a, by]);
  switch (exponentOf(b)) {
    case 0:
      return undefined;
    case 1:
      return dy;
    case 2:
      return mul(scaled(g, dy, 2), a);
    case 0.5:
      return g.op("Div", [scaled(g, dy, 0.5), y]);
    case 3:
      return mul(scaled(g, dy, 3), mul(a, a));
    case -1:
      return g.op("Neg", [mul(dy, mul(y, y))]);
  }
  const exponent = exponentOf(b);
  if (exponent !== undefined) {
    return mul(scaled(g, dy, exponent), power(numberLike(g, a, exponent - 1)));
  }
  const by = castLikeValue(g, b, a);
  const slope = mul(by, power(g.op("Sub", [by, numberLike(g, a, 1)])));
  const zero = numberLike(g, a, 0);
  return mul(dy, g.op("Where", [equal(g, by, zero), zero, slope]));
}

/** db = dy a^b log a; 0 where a is 0. */
function powerExponent({ g, a, y, dy }: BinaryParts): Value {
  const zero = numberLike(g, a, 0);
  const slope = g.op("Mul", [y, g.op("Log", [a])]);
  return g.op("Mul", [dy, g.op("Where", [equal(g, a, zero), zero, slope])]);
}

/** y = a - b n with a whole number n, which is (a - y) / b. */
const modulo: BinaryGradient = [
  ({ dy }) => dy,
  ({ g, a, b, y, dy }) => g.op("Mul", [dy, g.op("Div", [g.op("Sub", [a, y]), b])]),
  "negated",
];

/** The gradient of the operands that are equal to the result, shared evenly. */
const shared =
  (beyond: "Greater" | "Less"): GradientRule =>
  (context) => {
    const { g } = context;
    const dy = upstream(context);
    if (dy === undefined) return [];
    const [y] = context.outputs;
    const operands = context.inputs.map((_, i) => inputOf(context, i));
    const reduced = (whole: Value, i: number) =>
      wants(context, i) ? summed(g, whole, operands[i], dy) : undefined;
    if (operands.length === 1) return [dy];
    const isChosen = (i: number) => mask(g, equal(g, operands[i], y), y);
    if (operands.length === 2) {
      // Half of it for a >= b, half for a > b: 1/2 where both are equal.
      const first = wants(context, 0) ? 0 : 1;
      const further = g.op(beyond, [operands[first], operands[1 - first]]);
      const twice = g.op("Add", [mask(g, further, y), isChosen(first)]);
      const part = g.op("Mul", [scaled(g, dy, 0.5), twice]);
      const rest = () => g.op("Sub", [dy, part]);
      if (first === 1) return [undefined, reduced(part, 1)];
      return [reduced(part, 0), wants(context, 1) ? reduced(rest(), 1) : undefined];
    }
    const chosen = operands.map((_, i) => isChosen(i));
    const share = g.op("Div", [dy, g.op("Sum", chosen)]);
    return chosen.map((one, i) =>
      wants(context, i) ? reduced(g.op("Mul", [share, one]), i) : undefined,
    );
  };

/** The gradient of all operands of a sum. */
const sumRule =
  (mean: boolean): GradientRule =>
  (context) => {
    const dy = upstream(context);
    if (dy === undefined) return [];
    const count = context.inputs.length;
    return context.inputs.map((_, i) => {
      if (!wants(context, i)) return undefined;
      const part = summed(context.g, dy, inputOf(context, i), dy);
      return mean ? scaled(context.g, part, 1 / count) : part;
    });
  };

/** 1 where `Clip` keeps the value; its bounds get what was moved to them. */
function clipRule(context: GradientContext): (Value | undefined)[] {
  const { g } = context;
  const [y] = context.outputs;
  const dy = upstream(context);
  if (dy === undefined) return [];
  const x = inputOf(context, 0);
  const moved = (index: number, type: string) => {
    if (!wants(context, index)) return undefined;
    const bound = inputOf(context, index);
    return summed(g, masked(g, dy, g.op(type, [x, bound])), bound, dy);
  };
  return [
    wants(context, 0) ? masked(g, dy, equal(g, x, y)) : undefined,
    moved(1, "Less"),
    moved(2, "Greater"),
  ];
}

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
  gradient: clipRule,
};

function whereRule(context: GradientContext): (Value | undefined)[] {
  const { g } = context;
  const dy = upstream(context);
  if (dy === undefined) return [];
  const condition = inputOf(context, 0);
  const [first, second] = [wants(context, 1), wants(context, 2)];
  const chosen = first ? masked(g, dy, condition) : undefined;
  const other = () =>
    chosen ? g.op("Sub", [dy, chosen]) : masked(g, dy, g.op("Not", [condition]));
  return [
    undefined,
    chosen && summed(g, chosen, inputOf(context, 1), dy),
    second ? summed(g, other(), inputOf(context, 2), dy) : undefined,
  ];
}

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
  gradient: whereRule,
};

const isInfinite: Operator = {
  type: "IsInf",
  shape: (context) => elementwiseShape(context, "bool"),
  evaluate: (context) => {
    const negative = context.attributes.int("detect_negative", 1) === 1;
    const positive = context.attributes.int("detect_positive", 1) === 1;
    const found = (x: number) =>
      truth((x === Infinity && positive) || (x === -Infinity && negative));
    return [evaluateElementwise([required(context, 0)], "bool", found)];
  },
  gradient: null,
};

const square = (g: Graph, x: Value) => g.op("Mul", [x, x]);
const onePlus = (g: Graph, x: Value) => g.op("Add", [x, numberLike(g, x, 1)]);
const oneMinus = (g: Graph, x: Value) => g.op("Sub", [numberLike(g, x, 1), x]);

/** `Div` of integers rounds toward 0; `Mod` has the sign of the divisor unless `fmod` is set. */
export const arithmetic: readonly Operator[] = [
  binary("Add", (a, b) => a + b, {
    contents: addDims,
    gradient: [({ dy }) => dy, ({ dy }) => dy],
  }),
  binary("Sub", (a, b) => a - b, {
    contents: (a, b) => (b === 0 ? a : a === b && a !== null ? 0 : combine(a, b, (x, y) => x - y)),
    gradient: [({ dy }) => dy, ({ dy }) => dy, "negated"],
  }),
  binary("Mul", (a, b) => a * b, {
    contents: multiplyDims,
    gradient: [({ g, b, dy }) => g.op("Mul", [dy, b]), ({ g, a, dy }) => g.op("Mul", [dy, a])],
  }),
  binary("Div", (a, b, context) => (isIntegral(context) ? Math.trunc(a / b) : a / b), {
    contents: (a, b) => (b === 1 ? a : numbersOnly((x, y) => Math.trunc(x / y))(a, b)),
    gradient: [
      ({ g, b, dy }) => g.op("Div", [dy, b]),
      ({ g, b, y, dy }) => g.op("Mul", [dy, g.op("Div", [y, b])]),
      "negated",
    ],
  }),
  binary(
    "Mod",
    (a, b, context) =>
      context.attributes.int("fmod", 0) === 1 ? a % b : a - b * Math.floor(a / b),
    { gradient: modulo },
  ),
  binary("Pow", (a, b) => a ** b, { gradient: [powerBase, powerExponent] }),
  binary("Less", (a, b) => truth(a < b), { dtype: "bool" }),
  binary("LessOrEqual", (a, b) => truth(a <= b), { dtype: "bool" }),
  binary("Greater", (a, b) => truth(a > b), { dtype: "bool" }),
  binary("GreaterOrEqual", (a, b) => truth(a >= b), { dtype: "bool" }),
  binary("Equal", (a, b) => truth(a === b), { dtype: "bool", contents: equalDims }),
  binary("And", (a, b) => truth(a !== 0 && b !== 0), { dtype: "bool" }),
  binary("Or", (a, b) => truth(a !== 0 || b !== 0), { dtype: "bool" }),
  binary("Xor", (a, b) => truth((a !== 0) !== (b !== 0)), { dtype: "bool" }),
  variadic("Max", (a, b) => Math.max(a, b), shared("Greater")),
  variadic("Min", (a, b) => Math.min(a, b), shared("Less")),
  variadic("Sum", (a, b) => a + b, sumRule(false)),
  variadic("Mean", (a, b) => a + b, sumRule(true), true),
  unary("Abs", Math.abs, ({ g, x, dy }) => g.op("Mul", [dy, g.op("Sign", [x])])),
  unary(
    "Neg",
    (x) => -x,
    ({ g, dy }) => g.op("Neg", [dy]),
  ),
  unary("Exp", Math.exp, ({ g, y, dy }) => g.op("Mul", [dy, y])),
  unary("Log", Math.log, ({ g, x, dy }) => g.op("Div", [dy, x])),
  unary("Sqrt", Math.sqrt, ({ g, y, dy }) => g.op("Div", [scaled(g, dy, 0.5), y])),
  unary(
    "Reciprocal",
    (x) => 1 / x,
    ({ g, y, dy }) => g.op("Neg", [g.op("Mul", [dy, square(g, y)])]),
  ),
  unary("Sin", Math.sin, ({ g, x, dy }) => g.op("Mul", [dy, g.op("Cos", [x])])),
  unary("Cos", Math.cos, ({ g, x, dy }) => g.op("Neg", [g.op("Mul", [dy, g.op("Sin", [x])])])),
  unary("Tan", Math.tan, ({ g, y, dy }) => g.op("Mul", [dy, onePlus(g, square(g, y))])),
  unary("Asin", Math.asin, ({ g, x, dy }) =>
    g.op("Div", [dy, g.op("Sqrt", [oneMinus(g, square(g, x))])]),
  ),
  unary("Acos", Math.acos, ({ g, x, dy }) =>
    g.op("Neg", [g.op("Div", [dy, g.op("Sqrt", [oneMinus(g, square(g, x))])])]),
  ),
  unary("Atan", Math.atan, ({ g, x, dy }) => g.op("Div", [dy, onePlus(g, square(g, x))])),
  unary("Sinh", Math.sinh, ({ g, x, dy }) => g.op("Mul", [dy, g.op("Cosh", [x])])),
  unary("Cosh", Math.cosh, ({ g, x, dy }) => g.op("Mul", [dy, g.op("Sinh", [x])])),
  unary("Asinh", Math.asinh, ({ g, x, dy }) =>
    g.op("Div", [dy, g.op("Sqrt", [onePlus(g, square(g, x))])]),
  ),
  unary("Acosh", Math.acosh, ({ g, x, dy }) =>
    g.op("Div", [dy, g.op("Sqrt", [g.op("Sub", [square(g, x), numberLike(g, x, 1)])])]),
  ),
  unary("Atanh", Math.atanh, ({ g, x, dy }) => g.op("Div", [dy, oneMinus(g, square(g, x))])),
  unary("Erf", erf, ({ g, x, dy }) => {
    const bell = g.op("Exp", [g.op("Neg", [square(g, x)])]);
    return g.op("Mul", [scaled(g, dy, 2 / Math.sqrt(Math.PI)), bell]);
  }),
  rounding("Floor", Math.floor),
  rounding("Ceil", Math.ceil),
  rounding("Round", roundEven),
  unary("Sign", Math.sign, null),
  unary("Not", (x) => truth(x === 0), null, "bool"),
  unary("IsNaN", (x) => truth(Number.isNaN(x)), null, "bool"),
  isInfinite,
  clip,
  whereOperator,
];
