/**
 * Shapes: a size is a number, a symbol (`"batch"`: unknown, but the same wherever the name appears) or
 * `null` (unknown). Integer arithmetic on sizes keeps what can be kept.
 */
import { OnnxError } from "./error.ts";

/** One size: a number, a named unknown, or `null` when nothing is known. */
export type Dim = number | string | null;

/** Sizes of all axes, outermost first. */
export type Shape = readonly Dim[];

/** Axes beyond which a tensor is refused and a shape is not followed: no runtime knows more. */
export const MAX_RANK = 64;

/** Element type and shape of a value as far as they are known. */
export interface ValueType {
  /** Element type; `undefined` when unknown or not a tensor. */
  readonly dtype?: import("./dtype.ts").DType | undefined;
  /** Shape; `undefined` when not even the number of axes is known. */
  readonly shape?: Shape | undefined;
}

/** Whether every size of a shape is a number. */
export function isStatic(shape: Shape | undefined): shape is readonly number[] {
  return shape?.every((dim) => typeof dim === "number") === true;
}

/** The number of elements, or `undefined` when a size is unknown. */
export function elementCount(shape: Shape | undefined): number | undefined {
  if (shape?.includes(0)) return 0;
  return isStatic(shape) ? shape.reduce((product, dim) => product * dim, 1) : undefined;
}

/**
 * A shape in words: `1x3x224x224`, `?` for unknown sizes, apart by spaces where sizes have names
 * (`batch x 3 x 224 x 224`); `scalar` without axes.
 */
export function formatShape(shape: Shape | undefined): string {
  if (shape === undefined) return "unknown";
  if (shape.length === 0) return "scalar";
  const named = shape.some((dim) => typeof dim === "string");
  return shape.map((dim) => dim ?? "?").join(named ? " x " : "x");
}

/** Applies integer arithmetic to two sizes; unknown unless both are numbers. */
export function combine(a: Dim, b: Dim, f: (a: number, b: number) => number): Dim {
  return typeof a === "number" && typeof b === "number" ? f(a, b) : null;
}

/** The sum of sizes: symbols survive the addition of 0. */
export function addDims(a: Dim, b: Dim): Dim {
  if (a === 0) return b;
  if (b === 0) return a;
  return combine(a, b, (x, y) => x + y);
}

/** The product of sizes: symbols survive the multiplication by 1. */
export function multiplyDims(a: Dim, b: Dim): Dim {
  if (a === 1) return b;
  if (b === 1) return a;
  if (a === 0 || b === 0) return 0;
  return combine(a, b, (x, y) => x * y);
}

/** What is known of a size from two sources that must agree. */
export function mergeDim(a: Dim, b: Dim): Dim {
  if (typeof a === "number") return a;
  if (typeof b === "number") return b;
  return a ?? b;
}

/**
 * The shape of an elementwise operation on operands of the given shapes (NumPy's rule).
 * @throws OnnxError when two known sizes differ and none is 1
 */
export function broadcast(shapes: readonly (Shape | undefined)[]): Shape | undefined {
  let result: Dim[] = [];
  for (const shape of shapes) {
    if (shape === undefined) return undefined;
    const rank = Math.max(result.length, shape.length);
    const next: Dim[] = [];
    for (let i = 0; i < rank; i++) {
      const a = result[result.length - rank + i] ?? (i < rank - result.length ? 1 : null);
      const b = shape[shape.length - rank + i] ?? (i < rank - shape.length ? 1 : null);
      if (a === 1) next.push(b);
      else if (b === 1 || a === b) next.push(a);
      else if (typeof a === "number" && typeof b === "number") {
        throw new OnnxError(
          `cannot broadcast ${formatShape(shape)} with ${formatShape(result)}: sizes ${a} and ${b} differ`,
        );
      } else if (typeof a === "number") next.push(a);
      else if (typeof b === "number") next.push(b);
      else next.push(null);
    }
    result = next;
  }
  return result;
}
