/** What the processes of a latency study are told, and what they answer. */
import type { Effort } from "./measure.ts";
import type { LatencyEngine, Subject } from "./place.ts";
import type { Absent, Times } from "./result.ts";

/** What a fresh process measures. */
export interface TimeTask extends Subject {
  /** Says that something is to be timed. */
  readonly kind: "time";
  /** What computes. */
  readonly engine: LatencyEngine;
  /** Most threads. */
  readonly threads: number;
  /** How much. */
  readonly effort: Effort;
}

/** Asks whether an engine is there. */
export interface ProbeTask {
  /** Says that it is a question. */
  readonly kind: "probe";
  /** Which engine. */
  readonly engine: LatencyEngine;
}

/** What a process is told. */
export type LatencyTask = TimeTask | ProbeTask;

/** What it answers: times, why there are none, why it failed, or whether the engine is there. */
export type Answer =
  | Times
  | Absent
  | { readonly kind: "failed"; readonly error: string }
  | { readonly kind: "engine"; readonly present: boolean; readonly note: string };
