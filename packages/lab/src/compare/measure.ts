/** Pools a picture by every method and kernel and scores the results by a protocol. */
import {
  createPicture,
  cropToMultiple,
  type Picture,
  type Protocol,
  ProtocolReference,
  type Score,
} from "@softpool/pictures";
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
  /** Time of the operator, the median of the repetitions, in milliseconds. */
  readonly milliseconds: number;
}

/** A row with its picture, for the report. */
export interface Pooled {
  /** The numbers. */
  readonly row: Row;
  /** The pooled picture. */
  readonly picture: Picture;
}

/** Repetitions of the operator, of which the median time is reported. */
const REPETITIONS = 3;

/**
 * Pools a picture, sRGB values in [0, 1], and times the operator. Results above 1 (sums, power averages)
 * stay as they are: they are scored so, and clipped only where they are shown.
 */
export function pool(
  picture: Picture,
  method: Method,
  kernel: number,
  beta: number,
): { pooled: Picture; milliseconds: number } {
  const { width, height, channels, data } = picture;
  const x = { data, shape: [1, channels, height, width] };
  const options = { kernelSize: kernel, ...(method.name === "soft" ? { beta } : {}) };
  const times: number[] = [];
  let result = data;
  for (let i = 0; i < REPETITIONS; i++) {
    const start = performance.now();
    result = method.pool(x, options).data as typeof data;
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  const pooled = createPicture(
    Math.floor(width / kernel),
    Math.floor(height / kernel),
    channels,
    result,
  );
  return { pooled, milliseconds: times[REPETITIONS >> 1] };
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
