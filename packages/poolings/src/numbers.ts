/** Numbers of element types that compositions need. */
import { type DType, type Graph, scalar, type Value } from "@softpool/onnx";

/** The largest finite float32. */
export const FLOAT32_MAX = 3.4028234663852886e38;

/** The largest finite number of a type that methods compute in. */
export function largest(dtype: DType | undefined): number {
  return dtype === "float64" ? Number.MAX_VALUE : FLOAT32_MAX;
}

/** A scalar constant of a value's element type. */
export function constantLike(g: Graph, like: Value, value: number): Value {
  return g.constant(scalar(like.dtype ?? "float32", value));
}

/**
 * What padding is filled with below every number of a type: the lowest finite one. Before operator set 11
 * the filling is a float32 attribute, which holds -Infinity for a float64 in its place.
 */
export function lowest(g: Graph, dtype: DType | undefined): number {
  return dtype === "float64" && g.opset < 11 ? -Infinity : -largest(dtype);
}
