/** Tensors in WebAssembly memory: allocated once, pooled in place, given back by `dispose`. */
import type { DType, FloatArray, Tensor } from "../types.ts";
import { allocate, release, viewOf } from "./memory.ts";

/** What the finalizer needs to give memory back. */
const finalizer = new FinalizationRegistry<number>((pointer) => release(pointer));

/**
 * A tensor whose elements lie in WebAssembly memory, so that pooling it copies nothing. Made by
 * {@link empty}; the result of pooling one is one.
 *
 * Give its memory back with `dispose()` or a `using` declaration. A tensor that is forgotten gives it
 * back when `data` is collected: keep the tensor or its `data` itself while you use it, since a
 * `subarray` of `data` does not hold the memory.
 */
export class ResidentTensor<A extends FloatArray = FloatArray> implements Tensor<A> {
  /** Sizes of the axes, outermost first. */
  readonly shape: readonly number[];
  /** Element type. */
  readonly dtype: DType;
  #pointer: number;
  #data: A;

  /** Use {@link empty}. */
  constructor(shape: readonly number[], dtype: DType, pointer: number) {
    this.shape = shape;
    this.dtype = dtype;
    this.#pointer = pointer;
    this.#data = viewOf(shape, dtype, pointer) as A;
    finalizer.register(this.#data, pointer, this);
  }

  /**
   * The elements. Stays valid when the memory grows; has no elements after `dispose`. Where the
   * browser has no shared memory, growing replaces the array: read this property again.
   */
  get data(): A {
    if (this.#pointer !== 0 && this.#data.buffer.byteLength === 0) {
      finalizer.unregister(this);
      this.#data = viewOf(this.shape, this.dtype, this.#pointer) as A;
      finalizer.register(this.#data, this.#pointer, this);
    }
    return this.#data;
  }

  /** Gives the memory back. Views taken before must not be used any more; a second call does nothing. */
  dispose(): void {
    if (this.#pointer === 0) return;
    finalizer.unregister(this);
    release(this.#pointer);
    this.#pointer = 0;
    const Class = this.#data.constructor as new (length: number) => A;
    this.#data = new Class(0);
  }
}

/** `[Symbol.dispose]` where the `lib` in use knows it, so that `using` is accepted. */
type Disposing = SymbolConstructor extends { readonly dispose: infer Key extends symbol }
  ? { [K in Key]: () => void }
  : unknown;

/** A tensor in WebAssembly memory: {@link ResidentTensor}, and disposable by `using`. */
export type WasmTensor<A extends FloatArray = FloatArray> = ResidentTensor<A> & Disposing;

const { dispose } = Symbol as unknown as { dispose?: symbol };
if (dispose !== undefined) {
  Object.defineProperty(ResidentTensor.prototype, dispose, {
    value(this: ResidentTensor) {
      this.dispose();
    },
  });
}

/** Allocates a tensor; its elements are not initialised. */
export function allocateTensor(name: string, shape: readonly number[], dtype: DType): WasmTensor {
  return new ResidentTensor(shape, dtype, allocate(name, shape, dtype)) as WasmTensor;
}
