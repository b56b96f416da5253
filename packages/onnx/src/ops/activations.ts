/**
 * Activations: Relu and its kin, the smooth ones. At a kink they have the derivative that PyTorch's
 * have: `Relu` 0 at 0, `LeakyRelu` and `PRelu` the slope of the left side, and so on.
 */
import { float } from "../attributes.ts";
import type { Graph, Value } from "../graph.ts";
import { binary, evaluateElementwise, parameter, unary } from "./elementwise-operator.ts";
import { elementwiseShape, type Operator, required } from "./operator.ts";
import { mask, masked, numberLike, scaled, type UnaryParts, unaryRule } from "./rules.ts";

/** The error function: Abramowitz and Stegun 7.1.5 (series) and 7.1.14 (continued fraction). */
export function erf(x: number): number {
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

const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const logistic = (x: number) => 1 / (1 + Math.exp(-x));

const mul = (g: Graph, ...factors: Value[]) => factors.reduce((a, b) => g.op("Mul", [a, b]));
const plus = (g: Graph, x: Value, by: number) => g.op("Add", [x, numberLike(g, x, by)]);
const above = (g: Graph, x: Value, limit: number) => g.op("Greater", [x, numberLike(g, x, limit)]);
const below = (g: Graph, x: Value, limit: number) => g.op("Less", [x, numberLike(g, x, limit)]);

/** The largest number of float32: times any but the smallest of subnormal numbers it is above 1. */
const LARGEST = 2 ** 127 * (2 - 2 ** -23);

/**
 * 1 where what a Relu gives is above 0, else 0. In float32 it is one pass, HardSigmoid, which takes a third
 * of the time of a comparison and a cast on ONNX Runtime's CPU provider; numbers below 2.9e-39 count in part.
 */
function stepOf(g: Graph, y: Value): Value {
  if (y.dtype !== "float32") return mask(g, above(g, y, 0), y);
  return g.op("HardSigmoid", [y], { alpha: float(LARGEST), beta: float(0) });
}

/** dy y (1 - y): y is a logistic function. */
function logisticRule({ g, y, dy }: UnaryParts): Value {
  const part = g.op("Mul", [dy, y]);
  return g.op("Sub", [part, g.op("Mul", [part, y])]);
}

/** dy above 0, `left` elsewhere. */
function elseLeft({ g, x, dy }: UnaryParts, left: Value): Value {
  return g.op("Where", [above(g, x, 0), dy, left]);
}

/** x s(a x): with y = x s the slope is s (1 + a (x - y)). */
function swishRule({ g, x, y, dy }: UnaryParts, alpha: number): Value {
  const s = g.op("Sigmoid", [scaled(g, x, alpha)]);
  return mul(g, dy, s, plus(g, scaled(g, g.op("Sub", [x, y]), alpha), 1));
}

/** x tanh(softplus x): t + x (1 - t^2) s. */
function mishRule({ g, x, dy }: UnaryParts): Value {
  const t = g.op("Tanh", [g.op("Softplus", [x])]);
  const rest = g.op("Sub", [numberLike(g, x, 1), mul(g, t, t)]);
  return mul(g, dy, g.op("Add", [t, mul(g, x, g.op("Sigmoid", [x]), rest)]));
}

/** x clip(x / 6 + 1/2, 0, 1): 0 below -3, 1 from 3 on, x / 3 + 1/2 between. */
function hardSwishRule({ g, x, dy }: UnaryParts): Value {
  const between = mul(g, dy, plus(g, scaled(g, x, 1 / 3), 0.5));
  const left = g.op("Where", [below(g, x, -3), numberLike(g, x, 0), between]);
  return g.op("Where", [below(g, x, 3), left, dy]);
}

const TANH_SCALE = Math.sqrt(2 / Math.PI);
const TANH_CUBE = 0.044715;

/**
 * x F(x) with the distribution function F: the slope is F + x F'. With the tangent's form F is
 * s(2u), u = k (x + c x^3), and F' = 2 s (1 - s) u'.
 */
function geluRule({ g, x, y, dy, context }: UnaryParts): Value {
  const squared = mul(g, x, x);
  if (context.attributes.string("approximate", "none") === "tanh") {
    const u = mul(g, x, plus(g, scaled(g, squared, 2 * TANH_SCALE * TANH_CUBE), 2 * TANH_SCALE));
    const s = g.op("Sigmoid", [u]);
    const slope = plus(g, scaled(g, squared, 6 * TANH_SCALE * TANH_CUBE), 2 * TANH_SCALE);
    const rest = g.op("Sub", [y, mul(g, y, s)]);
    return mul(g, dy, g.op("Add", [s, mul(g, rest, slope)]));
  }
  const cumulative = plus(g, scaled(g, g.op("Erf", [scaled(g, x, Math.SQRT1_2)]), 0.5), 0.5);
  const bell = scaled(g, g.op("Exp", [scaled(g, squared, -0.5)]), 1 / Math.sqrt(2 * Math.PI));
  return mul(g, dy, g.op("Add", [cumulative, mul(g, x, bell)]));
}

const gelu: Operator = {
  type: "Gelu",
  shape: (context) => elementwiseShape(context),
  evaluate: (context) => {
    const x = required(context, 0);
    const f =
      context.attributes.string("approximate", "none") === "tanh"
        ? (v: number) => 0.5 * v * (1 + Math.tanh(TANH_SCALE * (v + TANH_CUBE * v ** 3)))
        : (v: number) => 0.5 * v * (1 + erf(v / Math.SQRT2));
    return [evaluateElementwise([x], x.dtype, f)];
  },
  gradient: unaryRule(geluRule),
};

const SELU_ALPHA = 1.6732632423543772;
const SELU_GAMMA = 1.0507009873554805;

/** The activations. */
export const activations: readonly Operator[] = [
  unary(
    "Relu",
    (x) => Math.max(x, 0),
    ({ g, y, dy }) => mul(g, dy, stepOf(g, y)),
  ),
  unary("Sigmoid", logistic, logisticRule),
  unary("Tanh", Math.tanh, ({ g, y, dy }) => g.op("Sub", [dy, mul(g, dy, y, y)])),
  unary("Softplus", softplus, ({ g, x, dy }) => mul(g, dy, g.op("Sigmoid", [x]))),
  unary(
    "Softsign",
    (x) => x / (1 + Math.abs(x)),
    ({ g, x, dy }) => {
      const size = plus(g, g.op("Abs", [x]), 1);
      return g.op("Div", [dy, mul(g, size, size)]);
    },
  ),
  unary("Mish", (x) => x * Math.tanh(softplus(x)), mishRule),
  unary("HardSwish", (x) => x * Math.min(1, Math.max(0, x / 6 + 0.5)), hardSwishRule),
  binary("PRelu", (x, slope) => (x < 0 ? slope * x : x), {
    gradient: [
      ({ g, a, b, dy }) => g.op("Where", [above(g, a, 0), dy, mul(g, dy, b)]),
      ({ g, a, dy }) => mul(g, dy, g.op("Min", [a, numberLike(g, a, 0)])),
    ],
  }),
  parameter(
    "Swish",
    (x, number) => x * logistic(number("alpha", 1) * x),
    (parts, number) => swishRule(parts, number("alpha", 1)),
  ),
  parameter(
    "Shrink",
    (x, number) => {
      const [lambd, bias] = [number("lambd", 0.5), number("bias", 0)];
      return x < -lambd ? x + bias : x > lambd ? x - bias : 0;
    },
    ({ g, x, dy }, number) => masked(g, dy, above(g, g.op("Abs", [x]), number("lambd", 0.5))),
  ),
  parameter(
    "LeakyRelu",
    (x, number) => (x < 0 ? number("alpha", 0.01) * x : x),
    (parts, number) => elseLeft(parts, scaled(parts.g, parts.dy, number("alpha", 0.01))),
  ),
  // Below 0: y = alpha (e^x - 1), so that alpha e^x = y + alpha. The others in the same way.
  parameter(
    "Elu",
    (x, number) => (x < 0 ? number("alpha", 1) * Math.expm1(x) : x),
    (parts, number) => {
      const { g, y, dy } = parts;
      return elseLeft(parts, mul(g, dy, plus(g, y, number("alpha", 1))));
    },
  ),
  parameter(
    "Celu",
    (x, number) => {
      const alpha = number("alpha", 1);
      return Math.max(0, x) + Math.min(0, alpha * Math.expm1(x / alpha));
    },
    (parts, number) => {
      const { g, y, dy } = parts;
      return elseLeft(parts, mul(g, dy, plus(g, scaled(g, y, 1 / number("alpha", 1)), 1)));
    },
  ),
  parameter(
    "Selu",
    (x, number) => {
      const alpha = number("alpha", SELU_ALPHA);
      return number("gamma", SELU_GAMMA) * (x > 0 ? x : alpha * Math.expm1(x));
    },
    ({ g, x, y, dy }, number) => {
      const gamma = number("gamma", SELU_GAMMA);
      const left = mul(g, dy, plus(g, y, gamma * number("alpha", SELU_ALPHA)));
      return g.op("Where", [above(g, x, 0), scaled(g, dy, gamma), left]);
    },
  ),
  parameter(
    "ThresholdedRelu",
    (x, number) => (x > number("alpha", 1) ? x : 0),
    ({ g, x, dy }, number) => masked(g, dy, above(g, x, number("alpha", 1))),
  ),
  parameter(
    "HardSigmoid",
    (x, number) => Math.max(0, Math.min(1, number("alpha", 0.2) * x + number("beta", 0.5))),
    ({ g, y, dy }, number) => {
      const inside = mask(g, g.op("And", [above(g, y, 0), below(g, y, 1)]), y);
      return mul(g, scaled(g, dy, number("alpha", 0.2)), inside);
    },
  ),
  gelu,
];
