/** Something that can be timed: the two kinds are in `operator.ts` and `runtime.ts`. */
import type { Subject } from "./place.ts";

/** A call with its tensors allocated. */
export interface Timed {
  /** Computes once, into tensors that were allocated before. */
  readonly call: () => unknown;
  /** The first result. */
  readonly result: () => Float32Array | Promise<Float32Array>;
  /**
   * Bytes that the engine's allocator holds during a call; `null` where it holds them out of sight, on a
   * graphics card; `undefined` where the process shows them.
   */
  readonly held?: (() => Promise<number>) | null;
  /** What a reader should know. */
  readonly notes: readonly string[];
}

/** Makes calls of subjects that share their place and direction, and with these their tensors. */
export type Opener = (subject: Subject) => Promise<Timed>;
