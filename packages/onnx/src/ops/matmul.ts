/** Products of matrices: MatMul (NumPy's rule), Gemm, Einsum. */

import { float } from "../attributes.ts";
import { OnnxError } from "../error.ts";
import type { Graph, Value } from "../graph.ts";
import { describeNode } from "../order.ts";
import { broadcast, type Dim, formatShape, mergeDim, type Shape } from "../shape.ts";
import { elements, type Tensor } from "../tensor.ts";
import { allocate } from "./arguments.ts";
import {
  broadcastStrides,
  type EvaluateContext,
  forEachOffset,
  type Operator,
  required,
  type ShapeContext,
  strides,
  typeOf,
} from "./operator.ts";

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

/** alpha A B + beta C for matrices; C is broadcast, or `undefined` (opset 11 or newer). */
export function gemm(
  g: Graph,
  a: Value,
  b: Value,
  c: Value | undefined,
  options: GemmOptions = {},
): Value {
  const { alpha, beta, transA, transB } = options;
  if (c === undefined && g.opset < 11) {
    throw new OnnxError(`Gemm: c: expected a value before opset 11, it is left out`);
  }
  return g.op("Gemm", [a, b, c], {
    alpha: alpha === undefined ? undefined : float(alpha),
    beta: beta === undefined ? undefined : float(beta),
    transA: transA ? 1 : undefined,
    transB: transB ? 1 : undefined,
  });
}

/**
 * A sum of products by Einstein's convention, as `"bij,bjk->bik"`.
 * @throws OnnxError before opset 12
 */
export function einsum(g: Graph, equation: string, ...values: Value[]): Value {
  if (g.opset < 12) throw new OnnxError(`Einsum: expected opset 12 or newer, received ${g.opset}`);
  return g.op("Einsum", values, { equation });
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
export function matMulTensor(a: Tensor, b: Tensor, where = "MatMul"): Tensor {
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
};

/** Whether an operand of a `Gemm` is transposed. */
const isTransposed = (context: ShapeContext | EvaluateContext, name: string) =>
  context.attributes.int(name, 0) !== 0;

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
    const rows = a.shape ? turned(a.shape, isTransposed(context, "transA"))[0] : null;
    const columns = b.shape ? turned(b.shape, isTransposed(context, "transB"))[1] : null;
    return [{ dtype: a.dtype ?? b.dtype, shape: [rows ?? null, columns ?? null] }];
  },
  evaluate: (context) => {
    const [a, b] = [required(context, 0), required(context, 1)];
    const where = describeNode(context.node);
    if (a.shape.length !== 2 || b.shape.length !== 2) {
      throw new OnnxError(
        `${where}: expected two matrices, received ${formatShape(a.shape)} and ${formatShape(b.shape)}`,
      );
    }
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
};

/** An equation taken apart: labels of each operand and of the result; axes of `...` are `.0`, `.1` ... */
function labelsOf(
  equation: string,
  ranks: readonly number[],
  where: string,
): { operands: string[][]; result: string[] } {
  const [left, right] = equation.replaceAll(" ", "").split("->");
  const terms = left.split(",");
  const fail = (): never => {
    throw new OnnxError(
      `${where}: attribute "equation": expected labels for ${ranks.length} inputs with ${ranks.join(", ")} axes, received ${JSON.stringify(equation.slice(0, 80))}`,
    );
  };
  if (terms.length !== ranks.length) fail();
  const hidden = terms.map((term, i) => (term.includes("...") ? ranks[i] - (term.length - 3) : 0));
  const widest = Math.max(0, ...hidden);
  const parse = (term: string, own: number): string[] => {
    const match = /^([a-zA-Z]*)(\.\.\.)?([a-zA-Z]*)$/.exec(term) ?? fail();
    const dots = Array.from({ length: match[2] ? own : 0 }, (_, i) => `.${widest - own + i}`);
    return [...match[1], ...dots, ...match[3]];
  };
  const operands = terms.map((term, i) => parse(term, hidden[i]));
  if (operands.some((labels, i) => labels.length !== ranks[i])) fail();
  if (right !== undefined) return { operands, result: parse(right, widest) };
  // Without a result: the axes of `...`, then the labels that occur once, sorted.
  const all = operands.flat();
  const once = [...new Set(all)].filter((label) => !label.startsWith("."));
  const kept = once.filter((label) => all.indexOf(label) === all.lastIndexOf(label)).sort();
  return { operands, result: [...parse(widest > 0 ? "..." : "", widest), ...kept] };
}

/** The size of every label; sizes of 1 stretch. */
function labelSizes(
  operands: readonly string[][],
  shapes: readonly Shape[],
  where: string,
): Map<string, Dim> {
  const sizes = new Map<string, Dim>();
  for (const [i, labels] of operands.entries()) {
    for (const [k, label] of labels.entries()) {
      const [known, dim] = [sizes.get(label), shapes[i][k]];
      if (known === undefined || known === 1) sizes.set(label, dim);
      else if (dim !== 1) {
        if (typeof known === "number" && typeof dim === "number" && known !== dim) {
          throw new OnnxError(`${where}: label ${label} has sizes ${known} and ${dim}`);
        }
        // A size that is not known may be the one that stretches.
        sizes.set(label, typeof dim === "number" ? dim : known === dim ? dim : joined(known, dim));
      }
    }
  }
  return sizes;
}

const joined = (a: Dim, b: Dim): Dim =>
  typeof a === "number" || typeof b === "number" ? mergeDim(a, b) : null;

const einsumOperator: Operator = {
  type: "Einsum",
  shape: (context) => {
    const dtype = context.inputs.find((input) => input?.dtype !== undefined)?.dtype;
    const shapes = context.inputs.map((input) => input?.shape);
    if (!shapes.every((shape) => shape !== undefined)) return [{ dtype }];
    const where = describeNode(context.node);
    const equation = context.attributes.string("equation", "");
    const ranks = shapes.map((shape) => shape.length);
    const { operands, result } = labelsOf(equation, ranks, where);
    const sizes = labelSizes(operands, shapes, where);
    return [{ dtype, shape: result.map((label) => sizes.get(label) ?? null) }];
  },
  evaluate: (context) => {
    const inputs = context.inputs.map((_, i) => required(context, i));
    const where = describeNode(context.node);
    const shapes = inputs.map((input) => input.shape);
    const { operands, result } = labelsOf(
      context.attributes.string("equation", ""),
      shapes.map((shape) => shape.length),
      where,
    );
    const sizes = labelSizes(operands, shapes, where) as Map<string, number>;
    const summed = [...sizes.keys()].filter((label) => !result.includes(label));
    const order = [...result, ...summed];
    const steps = operands.map((labels, i) => {
      const own = strides(shapes[i]);
      return order.map((label) =>
        labels.reduce((sum, other, k) => {
          return other === label && shapes[i][k] !== 1 ? sum + own[k] : sum;
        }, 0),
      );
    });
    const shape = result.map((label) => sizes.get(label) ?? 1);
    const count = elements(summed.map((label) => sizes.get(label) ?? 1));
    const data = allocate(shape);
    forEachOffset(
      order.map((label) => sizes.get(label) ?? 1),
      steps,
      (index, offsets) => {
        let product = 1;
        for (const [i, at] of offsets.entries()) product *= inputs[i].data[at];
        data[Math.floor(index / count)] += product;
      },
    );
    return [{ dtype: inputs[0].dtype, shape, data }];
  },
};

/** The operators of this file. */
export const products: readonly Operator[] = [einsumOperator, gemmOperator, matMulOperator];
