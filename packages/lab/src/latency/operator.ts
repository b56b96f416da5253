/** The operator's engines as they are timed: all tensors in the engine's memory, results into given tensors. */
import {
  avgPool1d,
  avgPool1dAsync,
  avgPool1dBackward,
  avgPool1dBackwardAsync,
  avgPool2d,
  avgPool2dAsync,
  avgPool2dBackward,
  avgPool2dBackwardAsync,
  avgPool3d,
  avgPool3dAsync,
  avgPool3dBackward,
  avgPool3dBackwardAsync,
  empty,
  engineInfo,
  maxPool1d,
  maxPool1dAsync,
  maxPool1dBackward,
  maxPool1dBackwardAsync,
  maxPool2d,
  maxPool2dAsync,
  maxPool2dBackward,
  maxPool2dBackwardAsync,
  maxPool3d,
  maxPool3dAsync,
  maxPool3dBackward,
  maxPool3dBackwardAsync,
  type PoolOptions,
  powerAvgPool1d,
  powerAvgPool1dAsync,
  powerAvgPool1dBackward,
  powerAvgPool1dBackwardAsync,
  powerAvgPool2d,
  powerAvgPool2dAsync,
  powerAvgPool2dBackward,
  powerAvgPool2dBackwardAsync,
  powerAvgPool3d,
  powerAvgPool3dAsync,
  powerAvgPool3dBackward,
  powerAvgPool3dBackwardAsync,
  softPool1d,
  softPool1dAsync,
  softPool1dBackward,
  softPool1dBackwardAsync,
  softPool2d,
  softPool2dAsync,
  softPool2dBackward,
  softPool2dBackwardAsync,
  softPool3d,
  softPool3dAsync,
  softPool3dBackward,
  softPool3dBackwardAsync,
  sumPool1d,
  sumPool1dAsync,
  sumPool1dBackward,
  sumPool1dBackwardAsync,
  sumPool2d,
  sumPool2dAsync,
  sumPool2dBackward,
  sumPool2dBackwardAsync,
  sumPool3d,
  sumPool3dAsync,
  sumPool3dBackward,
  sumPool3dBackwardAsync,
  type Tensor,
} from "softpool";
import { fillUniform } from "./numbers.ts";
import { type OwnEngine, outputShape, type Subject } from "./place.ts";
import type { Opener } from "./timed.ts";

type Numbers = Tensor<Float32Array>;
type Pooling = (x: Numbers, options: PoolOptions) => unknown;
type Gradient = (gradOutput: Numbers, x: Numbers, options: PoolOptions) => unknown;
type Functions = readonly [
  forward: Pooling,
  later: Pooling,
  backward: Gradient,
  backwardLater: Gradient,
];

/** The functions of a method: for 1, 2 and 3 spatial axes. */
const functions: Readonly<Record<string, readonly Functions[]>> = {
  soft: [
    [softPool1d, softPool1dAsync, softPool1dBackward, softPool1dBackwardAsync],
    [softPool2d, softPool2dAsync, softPool2dBackward, softPool2dBackwardAsync],
    [softPool3d, softPool3dAsync, softPool3dBackward, softPool3dBackwardAsync],
  ],
  average: [
    [avgPool1d, avgPool1dAsync, avgPool1dBackward, avgPool1dBackwardAsync],
    [avgPool2d, avgPool2dAsync, avgPool2dBackward, avgPool2dBackwardAsync],
    [avgPool3d, avgPool3dAsync, avgPool3dBackward, avgPool3dBackwardAsync],
  ],
  maximum: [
    [maxPool1d, maxPool1dAsync, maxPool1dBackward, maxPool1dBackwardAsync],
    [maxPool2d, maxPool2dAsync, maxPool2dBackward, maxPool2dBackwardAsync],
    [maxPool3d, maxPool3dAsync, maxPool3dBackward, maxPool3dBackwardAsync],
  ],
  sum: [
    [sumPool1d, sumPool1dAsync, sumPool1dBackward, sumPool1dBackwardAsync],
    [sumPool2d, sumPool2dAsync, sumPool2dBackward, sumPool2dBackwardAsync],
    [sumPool3d, sumPool3dAsync, sumPool3dBackward, sumPool3dBackwardAsync],
  ],
  "power-average": [
    [powerAvgPool1d, powerAvgPool1dAsync, powerAvgPool1dBackward, powerAvgPool1dBackwardAsync],
    [powerAvgPool2d, powerAvgPool2dAsync, powerAvgPool2dBackward, powerAvgPool2dBackwardAsync],
    [powerAvgPool3d, powerAvgPool3dAsync, powerAvgPool3dBackward, powerAvgPool3dBackwardAsync],
  ],
};

/**
 * Opens an engine of the operator.
 * @param engine which
 * @param threads most threads of a call
 * @param subject shape, kernel and direction of what will be timed
 */
export function openOperator(
  engine: Exclude<OwnEngine, "softpool-webgpu">,
  threads: number,
  { shape, kernel, direction }: Subject,
): Opener {
  const pooled = outputShape({ shape, kernel });
  const x = empty(shape) as Numbers;
  fillUniform(x.data, 1);
  const forward = direction === "forward";
  const gy = forward ? undefined : (empty(pooled) as Numbers);
  if (gy !== undefined) fillUniform(gy.data, 2);
  const out = empty(forward ? pooled : shape) as Numbers;
  out.data.fill(0);
  const options: PoolOptions = { kernelSize: kernel, threads, engine, out };
  return async ({ method }) => {
    const [pool, poolLater, back, backLater] = functions[method][shape.length - 3];
    const call = gy === undefined ? () => pool(x, options) : () => back(gy, x, options);
    const later = (most: number) => {
      const o = { ...options, threads: most };
      return gy === undefined ? poolLater(x, o) : backLater(gy, x, o);
    };
    /**
     * What is held while an asynchronous call is under way, which is when one can ask. Such a call has
     * scratch memory for one thread more than a synchronous one of as many threads.
     */
    const during = async (most: number): Promise<number> => {
      const before = engineInfo().usedBytes;
      const pending = later(most);
      const bytes = engineInfo().usedBytes - before;
      await pending;
      return bytes;
    };
    const held = async (): Promise<number> => {
      const [one, two] = [await during(1), await during(2)];
      return threads === 1 ? Math.max(0, 2 * one - two) : during(threads - 1);
    };
    return {
      call,
      result: () => out.data,
      notes: [],
      ...(engine === "wasm" ? { held } : {}),
    };
  };
}
