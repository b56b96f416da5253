/** All operators that shape inference and the evaluator know, by name. */
import { activations } from "./activations.ts";
import { arithmetic } from "./arithmetic.ts";
import { blocks } from "./blocks.ts";
import { constants } from "./constant.ts";
import { control } from "./control.ts";
import { convolutions } from "./convolution.ts";
import { einsums } from "./einsum.ts";
import { gathering } from "./gather.ts";
import { grids } from "./grid.ts";
import { joining } from "./join.ts";
import { losses } from "./loss.ts";
import { products } from "./matmul.ts";
import { normalizations } from "./normalization.ts";
import type { Operator } from "./operator.ts";
import { padding } from "./pad.ts";
import { pool } from "./pool.ts";
import { quantization } from "./quantize.ts";
import { reducing } from "./reduce.ts";
import { reshaping } from "./reshape.ts";
import { resizes } from "./resize.ts";
import { scattering } from "./scatter.ts";
import { sequences } from "./sequence.ts";
import { slicing } from "./slice.ts";
import { softmaxes } from "./softmax.ts";
import { arranging } from "./transpose.ts";

const all: readonly (readonly Operator[])[] = [
  arranging,
  einsums,
  joining,
  quantization,
  blocks,
  resizes,
  grids,
  normalizations,
  softmaxes,
  losses,
  products,
  convolutions,
  sequences,
  scattering,
  gathering,
  reducing,
  padding,
  slicing,
  reshaping,
  constants,
  control,
  arithmetic,
  activations,
  pool,
];

const byName: ReadonlyMap<string, Operator> = new Map(
  all.flat().map((operator) => [`${operator.domain ?? ""}:${operator.type}`, operator]),
);

/**
 * The operator of a name.
 * @param type its `op_type`
 * @param domain its domain; default the standard operators
 * @returns `undefined` when it is not known here
 */
export function findOperator(type: string, domain = ""): Operator | undefined {
  return byName.get(`${domain === "ai.onnx" ? "" : domain}:${type}`);
}

/** Names of all operators that are known. */
export function operatorNames(): string[] {
  return [...byName.keys()].map((key) => key.replace(/^:/, "")).sort();
}
