/** What a cell of a latency study gives, and the figures of its rounds: medians, quartiles, ratios, drift. */
import { median, quantile } from "../statistics/quantile.ts";
import type { Json } from "../study/cell.ts";

/** How extra memory was found. */
export type MemoryKind =
  /** What the engine's allocator held during a call. */
  | "allocator"
  /** Peak of the resident memory during the first calls in a fresh process, minus what it was before. */
  | "resident";

/** Times of a cell. */
export interface Times {
  /** Says that there are times. */
  readonly kind: "times";
  /** Milliseconds of a call, one number a round. */
  readonly own: readonly number[];
  /** The same of average pooling, in turns with the method in the same process. */
  readonly average: readonly number[];
  /** Milliseconds of processor time of a call, all threads together: of the method, of average pooling. */
  readonly processor: readonly [own: readonly number[], average: readonly number[]];
  /** Calls of a round: of the method, of average pooling. */
  readonly calls: readonly [own: number, average: number];
  /** Milliseconds of the calls before the rounds, the first of all first; at most ten are kept. */
  readonly warm: readonly number[];
  /** Extra memory in bytes; `null` where it cannot be seen. */
  readonly memory: { readonly bytes: number; readonly how: MemoryKind } | null;
  /** How busy others kept the processors meanwhile, 0 to 1. */
  readonly busy: number;
  /** What a reader should know, such as nodes that ran elsewhere. */
  readonly notes: readonly string[];
}

/** A cell that cannot be measured here. */
export interface Absent {
  /** Says that there are none. */
  readonly kind: "absent";
  /** Why, one clause. */
  readonly reason: string;
}

/** Whether an engine is there. */
export interface EngineState {
  /** Says what it is about. */
  readonly kind: "engine";
  /** Whether it can be used. */
  readonly present: boolean;
  /** Why not, or what is to be known of it, such as the name of a graphics adapter; may be empty. */
  readonly note: string;
}

/** The result of a cell. */
export type LatencyResult = Times | Absent | EngineState;

const isNumbers = (value: unknown): value is number[] =>
  Array.isArray(value) &&
  value.length > 0 &&
  value.every((entry) => typeof entry === "number" && entry >= 0);

/** The result in a file, or `undefined` where it has not the form of one. */
export function latencyResult(json: Json | undefined): LatencyResult | undefined {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return undefined;
  const value = json as unknown as LatencyResult;
  if (value.kind === "absent") return typeof value.reason === "string" ? value : undefined;
  if (value.kind === "engine") {
    return typeof value.present === "boolean" && typeof value.note === "string" ? value : undefined;
  }
  if (value.kind !== "times") return undefined;
  const { own, average, processor, warm, busy, notes, memory } = value;
  const whole =
    isNumbers(own) &&
    isNumbers(average) &&
    own.length === average.length &&
    Array.isArray(processor) &&
    processor.length === 2 &&
    processor.every((list) => isNumbers(list) && list.length === own.length) &&
    isNumbers(warm) &&
    typeof busy === "number" &&
    Array.isArray(notes) &&
    (memory === null || typeof memory?.bytes === "number");
  return whole ? value : undefined;
}

/** A median with quartiles. */
export interface Spread {
  /** The median. */
  readonly value: number;
  /** The first quartile. */
  readonly low: number;
  /** The third quartile. */
  readonly high: number;
}

/** Median and quartiles of numbers. */
export function spread(values: readonly number[]): Spread {
  return {
    value: median(values),
    low: quantile(values, 0.25),
    high: quantile(values, 0.75),
  };
}

/** Beyond this ratio, either way, the last third of the rounds is said to have drifted. */
export const DRIFT = 1.1;

/** What is told of a cell. */
export interface Figures {
  /** Milliseconds of a call. */
  readonly time: Spread;
  /** Milliseconds of average pooling in the same rounds. */
  readonly average: Spread;
  /** Time over that of average pooling, round by round. */
  readonly ratio: Spread;
  /** Milliseconds of processor time of a call, all threads together. */
  readonly processor: Spread;
  /** Processor time over that of average pooling, round by round; 0 / 0 is 1. */
  readonly processorRatio: Spread;
  /** The first call over the median: what is paid once. */
  readonly first: number;
  /** Median of the last third of the rounds over that of the first. */
  readonly drift: number;
  /** Whether the drift is beyond {@link DRIFT}. */
  readonly drifted: boolean;
}

/** The figures of times. */
export function figuresOf({ own, average, processor: [used, usedAverage], warm }: Times): Figures {
  const third = Math.max(1, Math.floor(own.length / 3));
  const time = spread(own);
  const drift = median(own.slice(-third)) / median(own.slice(0, third));
  return {
    time,
    average: spread(average),
    ratio: spread(own.map((value, i) => value / average[i])),
    processor: spread(used),
    processorRatio: spread(
      used.map((value, i) => (value === usedAverage[i] ? 1 : value / usedAverage[i])),
    ),
    first: warm[0] / time.value,
    drift,
    drifted: drift > DRIFT || drift < 1 / DRIFT,
  };
}
