/** Pooling by the operator `softpool`: the methods that it has, in its own memory, in one thread. */
import { createPicture, type Picture } from "@softpool/pictures";
import { empty, engineInfo, type WasmTensor } from "softpool";
import { findMethod } from "../methods.ts";
import { temperatureOf } from "./sweep.ts";
import type { Variant } from "./variant.ts";

/** The engine as tables name it. */
export function operatorEngine(threads: number): string {
  const simd = engineInfo().simd ? "SIMD, " : "";
  return `wasm (${simd}${threads} ${threads === 1 ? "thread" : "threads"})`;
}

/** A picture in the operator's memory, pooled by one method after another. */
export class OperatorInput {
  readonly #picture: Picture;
  readonly #x: WasmTensor<Float32Array>;

  /** Copies the picture; {@link dispose} gives the memory back. */
  constructor(picture: Picture) {
    this.#picture = picture;
    this.#x = empty([1, picture.channels, picture.height, picture.width]);
    this.#x.data.set(picture.data);
  }

  /** Pools with stride = kernel; windows that stick out are left out. */
  pool({ method, settings }: Variant, kernel: number): Picture {
    const { p, normalized } = settings;
    const options = {
      kernelSize: kernel,
      threads: 1,
      ...(method === "soft" ? { beta: temperatureOf({ settings }) } : {}),
      ...(p === undefined ? {} : { p: Number(p) }),
      ...(normalized === undefined ? {} : { normalized: normalized === 1 }),
    };
    const y = findMethod(method).pool(this.#x, options) as WasmTensor<Float32Array>;
    const [, channels, height, width] = y.shape;
    const data = y.data.slice();
    y.dispose();
    return createPicture(width, height, channels, data);
  }

  /** Whether the picture is this one. */
  holds(picture: Picture): boolean {
    return picture === this.#picture;
  }

  /** Gives the memory back. */
  dispose(): void {
    this.#x.dispose();
  }
}

/** Pools one picture by one method of the operator. */
export function poolWithOperator(picture: Picture, variant: Variant, kernel: number): Picture {
  const input = new OperatorInput(picture);
  try {
    return input.pool(variant, kernel);
  } finally {
    input.dispose();
  }
}
