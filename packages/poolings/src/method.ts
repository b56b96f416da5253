/**
 * What a pooling method is: how it is called, what it learns, and how it is composed of standard ONNX
 * operators. One file of this folder is one method; `catalogue.ts` lists them.
 *
 * Conventions: x_1 .. x_N are the taps of a window that exist, y its output. Methods compute in the
 * element type of `x`, which is float32 or float64: {@link applyMethod} casts around them.
 */
import type { Graph, PoolWindow, Value } from "@softpool/onnx";

/** Where a method is put: what its parameters and its noise depend on. */
export interface Site {
  /** The window. */
  readonly window: PoolWindow;
  /** Number of channels of the input. */
  readonly channels: number;
}

/** A learned tensor of a method. */
export interface Parameter {
  /** Its name below the layer's, as in a checkpoint. */
  readonly name: string;
  /** Its shape. */
  readonly shape: readonly number[];
  /**
   * Its initial values, flattened, or one value for all.
   * @param uniform gives the next number in [0, 1) of the seeded generator
   */
  initial(uniform: () => number): Float64Array | number;
  /** Whether weight decay applies; default false: a pooling's parameters are not weights. */
  readonly decay?: boolean;
}

/** A random input of a method, filled by the host with uniform numbers in [0, 1). */
export interface Noise {
  /** Its name below the layer's. */
  readonly name: string;
  /**
   * Its shape for an input of the given shape.
   * @param input the shape of the pooled input
   * @param output the shape of the layer's output
   */
  shape(input: readonly number[], output: readonly number[]): number[];
}

/** What a method composes its result from. */
export interface Context {
  /** The graph that the nodes go to. */
  readonly g: Graph;
  /** The input `[N, C, ...]`, float32 or float64. */
  readonly x: Value;
  /** The window; padded taps do not exist. */
  readonly window: PoolWindow;
  /** The parameters by name. */
  readonly parameters: Readonly<Record<string, Value>>;
  /** The noise by name; empty for inference. */
  readonly noise: Readonly<Record<string, Value>>;
  /** Settings of the method by name, defaults filled in. */
  readonly settings: Readonly<Record<string, number | string>>;
}

/** A setting of a method: a number or one of several words. */
export interface Setting {
  /** What it is called. */
  readonly name: string;
  /** What it does, in one line. */
  readonly summary: string;
  /** Its value when nothing is said. */
  readonly default: number | string;
  /** The words it may have; a number is expected without them. */
  readonly values?: readonly string[];
  /** Whether it does not change what inference computes, so that calls do not show it; default false. */
  readonly hidden?: boolean;
  /** Why a number cannot be taken, or `undefined` when it can. */
  check?(value: number): string | undefined;
}

/** A pooling method. */
export interface Method {
  /** Its name in every option, command and table. */
  readonly name: string;
  /** Other names. */
  readonly aliases: readonly string[];
  /** What it computes, in one line. */
  readonly summary: string;
  /** Where it comes from. */
  readonly source: string;
  /** The numbers of spatial axes for which it is defined. */
  readonly axes: readonly number[];
  /** Whether training draws random numbers. Inference never does. */
  readonly random: boolean;
  /** Whether it has parameters that must be learned to be of use. */
  readonly trained: boolean;
  /** Its settings; default none. */
  readonly settings?: readonly Setting[];
  /** Why a site cannot be pooled by it (one clause), or `undefined` when it can; default it can. */
  refuse?(site: Site, settings: Context["settings"]): string | undefined;
  /** Its parameters; default none. */
  parameters?(site: Site, settings: Context["settings"]): readonly Parameter[];
  /** Its random inputs in training; default none. */
  noise?(site: Site, settings: Context["settings"]): readonly Noise[];
  /** Composes inference. */
  infer(context: Context): Value;
  /** Composes training where it differs from inference. */
  train?(context: Context): Value;
}
