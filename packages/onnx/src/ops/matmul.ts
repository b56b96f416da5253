/**
 * Products of matrices: MatMul (NumPy's rule) and Gemm.
 *
 *     y = A B:  dL/dA = dL/dy B^T,  dL/dB = A^T dL/dy
 */
import { float } from "../attributes.ts";
import { OnnxError } from "../error.ts";
import type { Graph, Value } from "../graph.ts";
import { describeNode } from "../order.ts";
import { broadcast, type Dim, formatShape, type Shape } from "../shape.ts";
import { type Tensor, tensor } from "../tensor.ts";
import { allocate } from "./arguments.ts";
import { sumTo } from "./broadcasting.ts";
import {
  broadcastStrides,
  type EvaluateContext,
  forEachOffset,
  type GradientRule,
  type Operator,
  required,
  type ShapeContext,
  typeOf,
} from "./operator.ts";
import { reshape, squeeze, unsqueeze } from "./reshape.ts";
import { inputOf, scaled, upstream } from "./rules.ts";
import { rankOf } from "./spatial.ts";
import { transpose } from "./transpose.ts";

/** The product of matrices in the last two axes; the axes before them are broadcast. */
export function matMul(g: Graph, a: Value, b: Value): Value {
  return g.op("MatMul", [a, b]);
}

/** How a {@link gemm} combines its operands. */
export interface GemmOptions {
  /** Factor of the product; default 1. */
  readonly alpha?: number;
  /** Factor of what is added; default 1. */
  readonly beta?: number;
  /** Whether `a` is transposed first; default false. */
  readonly transA?: boolean;
  /** Whether `b` is transposed first; default false. */
  readonly transB?: boolean;
}

/** alpha A B + beta C for matrices; C is broadcast, or `undefined`: a 0 before opset 11. */
export function gemm(
  g: Graph,
  a: Value,
  b: Value,
  c: Value | undefined,
  options: GemmOptions = {},
): Value {
  const { alpha, beta, transA, transB } = options;
  const left = g.opset < 11 ? g.constant(tensor(a.dtype ?? "float32", [1], 0)) : undefined;
  return g.op("Gemm", [a, b, c ?? left], {
    alpha: alpha === undefined ? undefined : float(alpha),
    beta: beta === undefined ? undefined : float(beta),
    transA: transA ? 1 : undefined,
    transB: transB ? 1 : undefined,
  });
}

/** Shapes of a product with at least two axes each, and which of them were added. */
function matrixShapes<T extends Dim>(a: readonly T[], b: readonly T[], where: string) {
  if (a.length === 0 || b.length === 0) {
    throw new OnnxError(`${where}: expected at least one axis, received a scalar`);
  }
  const left = a.length === 1 ? [1 as T, ...a] : [...a];
  const right = b.length === 1 ? [...b, 1 as T] : [...b];
  const [inner, other] = [left[left.length - 1], right[right.length - 2]];
  if (typeof inner === "number" && typeof other === "number" && inner !== other) {
    throw new OnnxError(
      `${where}: expected inner sizes that agree, received ${formatShape(a)} and ${formatShape(b)}`,
    );
  }
  const batch = broadcast([left.slice(0, -2), right.slice(0, -2)]) as readonly T[];
  const tail = [
    ...(a.length === 1 ? [] : [left[left.length - 2]]),
    ...(b.length === 1 ? [] : [right[right.length - 1]]),
  ];
  return { left, right, batch, shape: [...batch, ...tail] };
}

/** The product of two tensors by NumPy's rule. */
function matMulTensor(a: Tensor, b: Tensor, where: string): Tensor {
  const { left, right, batch, shape } = matrixShapes(a.shape, b.shape, where);
  const [rows, inner] = left.slice(-2);
  const columns = right[right.length - 1];
  const data = allocate(shape);
  const steps = [left, right].map((from) => {
    const [r, c] = from.slice(-2);
    return broadcastStrides(from.slice(0, -2), batch).map((step) => step * r * c);
  });
  forEachOffset(batch, steps, (index, [p, q]) => {
    const out = index * rows * columns;
    for (let i = 0; i < rows; i++) {
      for (let k = 0; k < inner; k++) {
        const factor = a.data[p + i * inner + k];
        for (let j = 0; j < columns; j++) {
          data[out + i * columns + j] += factor * b.data[q + k * columns + j];
        }
      }
    }
  });
  return { dtype: a.dtype, shape, data };
}

const matMulOperator: Operator = {
  type: "MatMul",
  shape: (context) => {
    const [a, b] = [typeOf(context, 0), typeOf(context, 1)];
    const dtype = a.dtype ?? b.dtype;
    if (a.shape === undefined || b.shape === undefined) return [{ dtype }];
    return [{ dtype, shape: matrixShapes(a.shape, b.shape, describeNode(context.node)).shape }];
  },
  evaluate: (context) => [
    matMulTensor(required(context, 0), required(context, 1), describeNode(context.node)),
  ],
  gradient: (context) => matMulGradient(context),
};

/** A value with its last two axes exchanged: ONNX Runtime makes that a part of the product. */
function transposedLast(g: Graph, x: Value): Value {
  const rank = rankOf(x);
  const order = Array.from({ length: rank }, (_, i) => i);
  return transpose(g, x, [...order.slice(0, -2), rank - 1, rank - 2]);
}

const matMulGradient: GradientRule = (context) => {
  const { g, wanted } = context;
  const [a, b] = [inputOf(context, 0), inputOf(context, 1)];
  const dy = upstream(context);
  if (dy === undefined) return [];
  const [lineA, lineB] = [rankOf(a) === 1, rankOf(b) === 1];
  // One-dimensional operands are a row and a column.
  const left = lineA ? unsqueeze(g, a, [0]) : a;
  const right = lineB ? unsqueeze(g, b, [1]) : b;
  const withRow = lineA ? unsqueeze(g, dy, [rankOf(dy) - (lineB ? 0 : 1)]) : dy;
  const whole = lineB ? unsqueeze(g, withRow, [rankOf(withRow)]) : withRow;
  const byLeft = () => {
    const sum = sumTo(g, matMul(g, whole, transposedLast(g, right)), left);
    return lineA ? squeeze(g, sum, [0]) : sum;
  };
  const byRight = () => {
    const sum = weightsOf(g, left, right, whole);
    return lineB ? squeeze(g, sum, [1]) : sum;
  };
  return [wanted[0] ? byLeft() : undefined, wanted[1] ? byRight() : undefined];
};

/** The gradient of the right operand. One matrix for a batch takes one product instead of a sum. */
function weightsOf(g: Graph, left: Value, right: Value, dy: Value): Value {
  const [rows, columns] = right.shape?.slice(-2) ?? [];
  const joint =
    rankOf(right) === 2 &&
    rankOf(left) > 2 &&
    typeof rows === "number" &&
    typeof columns === "number" &&
    rows * columns > 0;
  if (!joint) return sumTo(g, matMul(g, transposedLast(g, left), dy), right);
  const [flat, flatDy] = [reshape(g, left, [-1, rows]), reshape(g, dy, [-1, columns])];
  return matMul(g, transposedLast(g, flat), flatDy);
}

/** Whether an operand of a `Gemm` is transposed. */
const isTransposed = (context: ShapeContext | EvaluateContext, name: string) =>
  context.attributes.int(name, 0) !== 0;

/** Refuses operands of a `Gemm` that have more or fewer axes than 2. */
function checkMatrices(context: ShapeContext | EvaluateContext, a: Shape, b: Shape): void {
  if (a.length === 2 && b.length === 2) return;
  throw new OnnxError(
    `${describeNode(context.node)}: expected two matrices, received ${formatShape(a)} and ${formatShape(b)}`,
  );
}

function turned<T>(shape: readonly T[], turn: boolean): readonly T[] {
  return turn ? [...shape].reverse() : shape;
}

function transposedMatrix(x: Tensor, turn: boolean): Tensor {
  if (!turn) return x;
  const [rows, columns] = x.shape;
  const data = x.data.map((_, i) => x.data[(i % rows) * columns + Math.floor(i / rows)]);
  return { ...x, shape: [columns, rows], data };
}

const gemmOperator: Operator = {
  type: "Gemm",
  shape: (context) => {
    const [a, b] = [typeOf(context, 0), typeOf(context, 1)];
    const dtype = a.dtype ?? b.dtype;
    const left = a.shape && turned(a.shape, isTransposed(context, "transA"));
    const right = b.shape && turned(b.shape, isTransposed(context, "transB"));
    checkMatrices(context, left ?? [null, null], right ?? [null, null]);
    if (left === undefined || right === undefined) {
      return [{ dtype, shape: [left?.[0] ?? null, right?.[1] ?? null] }];
    }
    return [{ dtype, shape: matrixShapes(left, right, describeNode(context.node)).shape }];
  },
  evaluate: (context) => {
    const [a, b] = [required(context, 0), required(context, 1)];
    const where = describeNode(context.node);
    checkMatrices(context, a.shape, b.shape);
    const product = matMulTensor(
      transposedMatrix(a, isTransposed(context, "transA")),
      transposedMatrix(b, isTransposed(context, "transB")),
      where,
    );
    const alpha = context.attributes.float("alpha", 1);
    const beta = context.attributes.float("beta", 1);
    const c = context.inputs[2];
    const { shape } = product;
    const data = product.data.map((value) => alpha * value);
    if (c !== undefined) {
      forEachOffset(shape, [broadcastStrides(c.shape, shape)], (i, [at]) => {
        data[i] += beta * c.data[at];
      });
    }
    return [{ ...product, data }];
  },
  gradient: (context) => gemmGradient(context),
};

const gemmGradient: GradientRule = (context) => {
  const { g, attributes, wanted } = context;
  const [a, b] = [inputOf(context, 0), inputOf(context, 1)];
  const c = context.inputs[2];
  const dy = upstream(context);
  if (dy === undefined) return [];
  const alpha = attributes.float("alpha", 1);
  const [transA, transB] = [attributes.int("transA", 0) !== 0, attributes.int("transB", 0) !== 0];
  const product = (left: Value, right: Value, turnLeft: boolean, turnRight: boolean) =>
    gemm(g, left, right, undefined, { alpha, transA: turnLeft, transB: turnRight });
  const byA = () => (transA ? product(b, dy, transB, true) : product(dy, b, false, !transB));
  const byB = () => (transB ? product(dy, a, true, transA) : product(a, dy, !transA, false));
  return [
    wanted[0] ? byA() : undefined,
    wanted[1] ? byB() : undefined,
    c !== undefined && wanted[2]
      ? scaled(g, sumTo(g, dy, c), attributes.float("beta", 1))
      : undefined,
  ];
};

/** The operators of this file. */
export const products: readonly Operator[] = [gemmOperator, matMulOperator];
