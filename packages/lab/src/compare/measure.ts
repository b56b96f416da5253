/** Pools a picture by every method and kernel and scores the results by a protocol. */
import { setTimeout } from "node:timers/promises";
import {
  createPicture,
  cropToMultiple,
  type Picture,
  type Protocol,
  ProtocolReference,
  type Score,
} from "@softpool/pictures";
import { empty, engineInfo, type WasmTensor } from "softpool";
import type { Method } from "../methods.ts";

/** One row of the results. */
export interface Row {
  /** The picture's name. */
  readonly picture: string;
  /** Size of the picture after cropping to a multiple of the kernel. */
  readonly size: readonly [width: number, height: number];
  /** Window and stride. */
  readonly kernel: number;
  /** Name of the method. */
  readonly method: string;
  /** Similarity in sRGB values and in linear light. */
  readonly score: Score;
  /** Time of the operator, the fastest of several calls, in milliseconds. */
  readonly milliseconds: number;
}

/** A row with its picture, for the report. */
export interface Pooled {
  /** The numbers. */
  readonly row: Row;
  /** The pooled picture. */
  readonly picture: Picture;
}

/** The operator is called again until so many times or so many milliseconds were measured. */
const REPETITIONS = 15;
const ENOUGH = 120;

/**
 * Compiles the kernels and starts the threads, so that the first method measured does not pay for
 * them: calls every method on noise until workers have come, or a quarter of a second has passed.
 */
export async function warmUp(methods: readonly Method[]): Promise<void> {
  const x = empty([1, 3, 256, 256]);
  for (let i = 0; i < x.data.length; i++) x.data[i] = ((i * 7919) % 1000) / 1000;
  const start = performance.now();
  do {
    for (const method of methods) (method.pool(x, { kernelSize: 2 }) as WasmTensor).dispose();
    await setTimeout(5);
  } while (engineInfo().workers < engineInfo().threads - 1 && performance.now() - start < 250);
  x.dispose();
}

/**
 * Pools a picture, sRGB values in [0, 1], and times the operator: on a tensor in the engine's memory,
 * the fastest of several calls, which others on the machine disturb least. Results above 1 (sums,
 * power averages) stay as they are: they are scored so, and clipped only where they are shown.
 */
export function pool(
  picture: Picture,
  method: Method,
  kernel: number,
  beta: number,
): { pooled: Picture; milliseconds: number } {
  const { width, height, channels, data } = picture;
  const x = empty([1, channels, height, width]);
  x.data.set(data);
  const options = { kernelSize: kernel, ...(method.name === "soft" ? { beta } : {}) };
  const y = method.pool(x, options) as WasmTensor<Float32Array>;
  const times: number[] = [];
  const first = performance.now();
  while (times.length === 0 || (times.length < REPETITIONS && performance.now() - first < ENOUGH)) {
    const start = performance.now();
    method.pool(x, { ...options, out: y });
    times.push(performance.now() - start);
  }
  const [w, h] = [Math.floor(width / kernel), Math.floor(height / kernel)];
  const pooled = createPicture(w, h, channels, Float32Array.from(y.data));
  x.dispose();
  y.dispose();
  return { pooled, milliseconds: Math.min(...times) };
}

/** All methods on one picture and kernel. */
export function measure(
  name: string,
  picture: Picture,
  kernel: number,
  methods: readonly Method[],
  protocol: Protocol["name"],
  beta: number,
): { original: Picture; results: Pooled[] } {
  const original = cropToMultiple(picture, kernel);
  const reference = new ProtocolReference(original, kernel, protocol);
  const results = methods.map((method): Pooled => {
    const { pooled, milliseconds } = pool(original, method, kernel, beta);
    const score = reference.score(pooled);
    const size = [original.width, original.height] as const;
    return {
      row: { picture: name, size, kernel, method: method.name, score, milliseconds },
      picture: pooled,
    };
  });
  return { original, results };
}
