/**
 * Einsum: y[result labels] = sum over the other labels of the product of the operands, as in
 * `"bij,bjk->bik"`. `...` stands for axes without labels, which are broadcast.
 */
import { OnnxError, quote } from "../error.ts";
import type { Graph, Value } from "../graph.ts";
import { describeNode } from "../order.ts";
import { type Dim, mergeDim, type Shape } from "../shape.ts";
import { elements } from "../tensor.ts";
import { allocate } from "./arguments.ts";
import { sumTo } from "./broadcasting.ts";
import {
  forEachOffset,
  type GradientContext,
  type Operator,
  required,
  strides,
} from "./operator.ts";
import { unsqueeze } from "./reshape.ts";
import { inputOf, refuse, shapedLike, sizesOf, upstream, wants } from "./rules.ts";

/**
 * A sum of products by Einstein's convention, as `"bij,bjk->bik"`.
 * @throws OnnxError before opset 12
 */
export function einsum(g: Graph, equation: string, ...values: Value[]): Value {
  if (g.opset < 12) throw new OnnxError(`Einsum: expected opset 12 or newer, received ${g.opset}`);
  return g.op("Einsum", values, { equation });
}

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
      `${where}: attribute "equation": expected labels for ${ranks.length} inputs with ${ranks.join(", ")} axes, received ${quote(equation)}`,
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

/** One letter for each label; those of `...` get letters that are free. */
function lettersOf(labels: readonly string[]): Map<string, string> {
  const alphabet = [..."abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"];
  const free = alphabet.filter((letter) => !labels.includes(letter));
  const names = new Map<string, string>();
  for (const label of labels) {
    if (names.has(label)) continue;
    names.set(label, label.startsWith(".") ? (free.shift() ?? label) : label);
  }
  return names;
}

/** The gradient of an operand: dy and the other operands, summed over all but the operand's labels. */
function einsumRule(context: GradientContext): (Value | undefined)[] {
  const { g } = context;
  const dy = upstream(context);
  if (dy === undefined) return [];
  const inputs = context.inputs.map((_, i) => inputOf(context, i));
  const ranks = inputs.map((input) => input.shape?.length ?? NaN);
  if (ranks.some(Number.isNaN)) return refuse(context, "expected known numbers of axes");
  const equation = context.attributes.string("equation", "");
  const { operands, result } = labelsOf(equation, ranks, describeNode(context.node));
  const letters = lettersOf([...operands.flat(), ...result]);
  const spelled = (labels: readonly string[]) => labels.map((label) => letters.get(label)).join("");
  return inputs.map((x, i) => {
    if (!wants(context, i)) return undefined;
    const own = operands[i];
    if (new Set(own).size < own.length) {
      return refuse(context, `expected labels that differ, received ${quote(equation)}`);
    }
    const others = operands.filter((_, k) => k !== i);
    const known = new Set([...result, ...others.flat()]);
    const terms = [result, ...others].map(spelled).join(",");
    const kept = own.filter((label) => known.has(label));
    const values = [dy, ...inputs.filter((_, k) => k !== i)];
    const part = einsum(g, `${terms}->${spelled(kept)}`, ...values);
    // Axes that were summed in this operand alone: the gradient repeats along them.
    const missing = own.flatMap((label, axis) => (known.has(label) ? [] : [axis]));
    const sum = sumTo(g, missing.length === 0 ? part : unsqueeze(g, part, missing), x);
    const same = String(sum.shape) === String(x.shape);
    return same ? sum : shapedLike(g, g.op("Expand", [sum, sizesOf(g, x)]), x);
  });
}

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
  gradient: einsumRule,
};

/** The operators of this file. */
export const einsums: readonly Operator[] = [einsumOperator];
