/** Builders of elementwise operators of one, two or more operands, with NumPy's broadcasting. */
import { isFloat } from "../dtype.ts";
import type { Graph, Value } from "../graph.ts";

export { evaluateElementwise } from "./elementwise-operator.ts";

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

/**
 * Whether two values are equal. Before opset 11 `Equal` knows no floating-point numbers: there those are
 * equal that are neither less nor greater, NaN with all.
 */
export function equal(g: Graph, a: Value, b: Value): Value {
  if (g.opset >= 11 || (a.dtype !== undefined && !isFloat(a.dtype))) return g.op("Equal", [a, b]);
  return g.op("Not", [g.op("Or", [less(g, a, b), greater(g, a, b)])]);
}

/** Whether both conditions hold. */
export function and(g: Graph, a: Value, b: Value): Value {
  return g.op("And", [a, b]);
}
