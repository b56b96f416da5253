/**
 * Values that inference knows: what elementwise operators give for short operands whose elements are
 * known. Shape arithmetic (`contents`) and the scales of Resize (`numbers`) are made of them.
 */
import type { DType } from "../dtype.ts";
import { hasContents, MAX_NUMBERS } from "../known.ts";
import { type Dim, isStatic } from "../shape.ts";
import type { Inferred } from "./operator.ts";

/** Gives an element of a result from elements of the operands. */
export type ContentsRule = (a: Dim, b: Dim) => Dim;

/** What is known of the elements of a value, whatever its shape: what reshaping keeps. */
export function valuesOf(value: Inferred): Pick<Inferred, "contents" | "numbers"> {
  return { contents: value.contents, numbers: value.numbers };
}

/**
 * The elements of a result of at most one axis.
 * @param operands elements of the operands: as many as the others', or one for all
 * @returns `undefined` when those of an operand are not known, or there is none
 */
export function fold<T, U>(
  operands: readonly (readonly T[] | undefined)[],
  f: (...values: T[]) => U,
): readonly U[] | undefined {
  if (operands.length === 0) return undefined;
  if (!operands.every((operand) => operand !== undefined)) return undefined;
  const count = operands.find(({ length }) => length !== 1)?.length ?? 1;
  if (!operands.every(({ length }) => length === 1 || length === count)) return undefined;
  return Array.from({ length: count }, (_, i) =>
    f(...operands.map((operand) => operand[operand.length === 1 ? 0 : i])),
  );
}

/**
 * The values of an elementwise result, rounded to its type where inference knows how: float32 and
 * float64. A shape that hangs on the last bit is what a runtime finds.
 */
export function foldNumbers(
  dtype: DType | undefined,
  operands: readonly (Inferred | undefined)[],
  f: (...values: number[]) => number,
): readonly number[] | undefined {
  if (dtype !== "float32" && dtype !== "float64") return undefined;
  const values = fold(
    operands.map((operand) => operand?.numbers),
    f,
  );
  return dtype === "float32" ? values?.map(Math.fround) : values;
}

/** A rule for numbers as one for sizes: nothing is known of a result that is no whole number. */
export function numbersOnly(f: (a: number, b: number) => number): ContentsRule {
  return (a, b) => {
    const result = typeof a === "number" && typeof b === "number" ? f(a, b) : NaN;
    return Number.isInteger(result) ? result : null;
  };
}

/** Whether two sizes are equal: symbols are, by name, and never equal to a negative number. */
export function equalDims(a: Dim, b: Dim): Dim {
  if (typeof a === "number" && typeof b === "number") return a === b ? 1 : 0;
  if (a === null || b === null) return null;
  if (a === b) return 1;
  const number = typeof a === "number" ? a : b;
  return typeof number === "number" && number < 0 ? 0 : null;
}

/** The values of a cast by `convert`, which says what a number becomes. */
export function foldCast(
  x: Inferred,
  to: DType | undefined,
  convert: (value: number, from: DType, to: DType) => number,
): Pick<Inferred, "contents" | "numbers"> {
  const { dtype, contents, numbers } = x;
  if (to === undefined || dtype === undefined) return {};
  const one = (value: number) => convert(value, dtype, to);
  if (hasContents(to)) {
    const known = contents?.map((dim) => {
      if (typeof dim === "number") return one(dim);
      return to === "bool" ? null : dim;
    });
    return { contents: known ?? numbers?.map(one) };
  }
  const whole = isStatic(contents) && contents.length <= MAX_NUMBERS ? contents : undefined;
  return { numbers: foldNumbers(to, [{ numbers: numbers ?? whole }], (value) => value) };
}
