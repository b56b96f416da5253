/**
 * The WebAssembly kernels of this package (`assembly/`): the window of SSIM, 11 x 11 Gaussian of sigma
 * 1.5 with weights that sum to 1, with what is made of it; rows between rows; rows in linear light. All
 * sums are float64.
 */
import { binary } from "./binary.ts";
import { toLinearRow } from "./light.ts";

/** The side of the window. */
export const windowSize = 11;

/** Bytes at the beginning of a memory that the kernels keep for themselves: the weights, constants. */
export const head = 1024;

/** The kernels with a memory of their own. Addresses are bytes. */
export interface Kernels {
  /** The memory. */
  readonly memory: WebAssembly.Memory;
  /** Takes rows of planes at a scale and those below, as `Scales` says. */
  take(level: number, count: number, reference: number): void;
  /** Writes the weighted sum of two or four rows of `count` samples, and one sample more where it is odd. */
  blend(
    to: number,
    count: number,
    four: number,
    a: number,
    b: number,
    c: number,
    d: number,
    wa: number,
    wb: number,
    wc: number,
    wd: number,
  ): void;
  /** Adds a row of one channel in linear light, as `LightRow` says; -1 where it cannot. */
  light(
    row: number,
    original: number,
    luma: number,
    count: number,
    weight: number,
    begin: number,
  ): number;
}

let compiled: WebAssembly.Module | undefined;

/**
 * The kernels with a new memory of `bytes` bytes.
 *
 * @throws RangeError when there is no memory
 */
export function instantiate(bytes: number): Kernels {
  compiled ??= new WebAssembly.Module(
    Uint8Array.from(atob(binary), (character) => character.charCodeAt(0)),
  );
  const kernels = new WebAssembly.Instance(compiled, {}).exports as unknown as Kernels;
  const missing = bytes - kernels.memory.buffer.byteLength;
  if (missing > 0) kernels.memory.grow(Math.ceil(missing / 65536));
  new Float64Array(kernels.memory.buffer).set(weights());
  return kernels;
}

/** The one-dimensional window's distinct weights, from its rim (5 away) to its middle. */
function weights(): number[] {
  const g = [5, 4, 3, 2, 1, 0].map((d) => Math.exp(-(d * d) / (2 * 1.5 ** 2)));
  const sum = 2 * (g[0] + g[1] + g[2] + g[3] + g[4]) + g[5];
  return g.map((v) => v / sum);
}

/** Bytes of a row of `width` float64, and of the two more that kernels may touch. */
export function rowBytes(width: number): number {
  return 16 * Math.ceil((width + 3) / 2);
}

/** The conversion of rows to linear light. */
export class LightRow {
  /** A row of one channel, sRGB values. */
  readonly channel: Float64Array;
  readonly #original: Float32Array;
  readonly #kernels: Kernels;

  /** For rows of up to `width` samples; takes `2 * rowBytes(width)` bytes of the memory from `origin` on. */
  constructor(kernels: Kernels, origin: number, width: number) {
    const { buffer } = kernels.memory;
    this.#kernels = kernels;
    this.channel = new Float64Array(buffer, origin, width);
    this.#original = new Float32Array(buffer, origin + rowBytes(width), width);
  }

  /**
   * Converts the sRGB values in `channel` to linear light and adds them, weighted, to a row.
   *
   * @param original a row of the original in linear light, as long as the row is
   * @param weight the channel's weight
   * @param begin whether the row is written instead of added to
   * @param to the row, in the memory of the kernels
   * @returns the sum of squared differences from the original
   */
  add(original: Float32Array, weight: number, begin: boolean, to: Float64Array): number {
    this.#original.set(original);
    const error = this.#kernels.light(
      this.channel.byteOffset,
      this.#original.byteOffset,
      to.byteOffset,
      original.length,
      weight,
      begin ? 1 : 0,
    );
    return error >= 0 ? error : this.#addAny(original, weight, begin, to);
  }

  /** `add` of any values. */
  #addAny(original: Float32Array, weight: number, begin: boolean, to: Float64Array): number {
    const channel = this.channel.subarray(0, original.length);
    toLinearRow(channel);
    let sum = 0;
    for (let x = 0; x < channel.length; x++) {
      const v = channel[x];
      const d = v - original[x];
      sum += d * d;
      to[x] = begin ? weight * v : to[x] + weight * v;
    }
    return sum;
  }
}
