/**
 * Tensors and element types. A tensor is a typed array with a shape; nothing else is asked of the
 * caller, so that data from any source can be pooled without a conversion.
 */

/** The class of `Float16Array` where the JavaScript engine and the `lib` in use know it, else never. */
export type NativeFloat16Array = typeof globalThis extends {
  Float16Array: { readonly prototype: infer Instance };
}
  ? Instance
  : never;

/**
 * The arrays that hold elements: float32, float64, and float16 either as `Float16Array` or as the raw
 * bits in a `Uint16Array` (a `Uint16Array` always means float16 bits, never integers).
 */
export type FloatArray = Float32Array | Float64Array | Uint16Array | NativeFloat16Array;

/** The name of an element type. */
export type DType = "float32" | "float64" | "float16";

/**
 * A dense tensor in row-major order. Batch and channel axes are required: `[N, C, H, W]` for two
 * dimensions in NCHW, `[N, H, W, C]` in NHWC, with one axis less or more for 1D and 3D.
 */
export interface Tensor<A extends FloatArray = FloatArray> {
  /** The elements, exactly as many as the product of `shape`. */
  readonly data: A;
  /** Sizes of the axes, outermost first. */
  readonly shape: readonly number[];
}

/** An array view that every element type has in common: what the code here needs of one. */
export interface Elements {
  /** Number of elements. */
  readonly length: number;
  /** Element `index`, as a number. */
  [index: number]: number;
}

type Float16Constructor = (new (
  buffer: ArrayBufferLike | number,
  byteOffset?: number,
  length?: number,
) => FloatArray) & { BYTES_PER_ELEMENT: number };

/** `Float16Array` of this JavaScript engine, or `undefined` where it does not exist (Node below 24). */
export const Float16: Float16Constructor | undefined = (
  globalThis as unknown as { Float16Array?: Float16Constructor }
).Float16Array;

/** The element type of an array, or `undefined` when it is none of {@link FloatArray}. */
export function dtypeOf(data: unknown): DType | undefined {
  // By tag: arrays of another realm (an iframe, a vm context) fail instanceof.
  switch (Object.prototype.toString.call(data)) {
    case "[object Float32Array]":
      return "float32";
    case "[object Float64Array]":
      return "float64";
    case "[object Uint16Array]":
    case "[object Float16Array]":
      return "float16";
    default:
      return undefined;
  }
}

/** Bytes of one element. */
export function bytesPerElement(dtype: DType): number {
  return dtype === "float64" ? 8 : dtype === "float32" ? 4 : 2;
}

/** A new array of the same class as `like`, filled with zeros, in the JavaScript heap. */
export function arrayLike<A extends FloatArray>(like: A, length: number): A {
  const Class = like.constructor as new (length: number) => A;
  return new Class(length);
}

/** The number of elements of a shape. */
export function elements(shape: readonly number[]): number {
  let product = 1;
  for (const size of shape) product *= size;
  return product;
}
