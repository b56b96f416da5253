/**
 * From what is asked for to cells: every engine with every number of threads, shape, kernel, method and
 * direction, on this machine, which is part of a cell's name. What an engine cannot do is a cell too, and
 * says why.
 *
 * A revision is a digest of the graph that is timed, at a small size; of the operator, the size of its
 * kernels. Both hold the revision of the timing.
 */
import { engineInfo } from "softpool";
import { type Cell, type Config, cellOf, digest, type Group } from "../study/cell.ts";
import { timedModel } from "./graph.ts";
import type { Machine } from "./machine.ts";
import type { Effort } from "./measure.ts";
import {
  type Direction,
  engineTitle,
  isOwn,
  type LatencyEngine,
  type Subject,
  tensorBytes,
  threadsTitle,
  whyAbsent,
} from "./place.ts";
import type { EngineState } from "./result.ts";

/** The name of the study. */
export const LATENCY = "latency";

/** Changes when the same call would be timed otherwise. */
const TIMING = "3";

/** What is asked for. */
export interface LatencyRequest {
  /** Where it is measured. */
  readonly machine: Machine;
  /** Engines, and whether they are there. */
  readonly engines: readonly (readonly [engine: LatencyEngine, state: EngineState])[];
  /** Most threads of a call; engines on graphics processors take no notice. */
  readonly threads: readonly number[];
  /** Shapes of inputs. */
  readonly shapes: readonly (readonly number[])[];
  /** Kernels. */
  readonly kernels: readonly number[];
  /** Names of methods. */
  readonly methods: readonly string[];
  /** What is timed. */
  readonly directions: readonly Direction[];
  /** How much. */
  readonly effort: Effort;
}

/** What an executor needs to know of a cell. */
export type LatencyWork =
  | { readonly kind: "known"; readonly result: EngineState | { kind: "absent"; reason: string } }
  | {
      readonly kind: "time";
      readonly engine: LatencyEngine;
      readonly threads: number;
      readonly subject: Subject;
      readonly needed: number;
    };

/** A cell with its work. */
export interface LatencyCell extends Cell {
  /** What is to be done. */
  readonly work: LatencyWork;
}

/** A group of such cells: one method at one place. */
export interface LatencyGroup extends Group {
  /** Its cells: the directions. */
  readonly cells: readonly LatencyCell[];
}

const known = new Map<string, string>();

/** The revision of what is timed. */
function revisionOf(engine: LatencyEngine, subject: Subject): string {
  // The shaders have no number of their own: the version of this software is part of a cell anyway.
  if (engine === "softpool-webgpu") return `${TIMING}.webgpu`;
  if (isOwn(engine)) return `${TIMING}.${engineInfo().kernelBytes}`;
  const { method, kernel, direction, shape } = subject;
  const small = [1, Math.min(4, shape[1]), ...shape.slice(2).map(() => 2 * kernel)];
  const key = [method, kernel, direction, small].join(" ");
  let revision = known.get(key);
  if (revision === undefined) {
    try {
      revision = digest(timedModel({ ...subject, shape: small }).bytes).slice(0, 12);
    } catch {
      // What cannot be composed says so where it is measured.
      revision = "none";
    }
    known.set(key, revision);
  }
  return `${TIMING}.${revision}`;
}

/** The numbers of threads that make a difference to an engine. */
function threadsOf(engine: LatencyEngine, threads: readonly number[]): readonly number[] {
  if (engine === "reference") return [1];
  return engine === "wasm" || engine === "cpu" ? threads : [1];
}

/** The cell that says whether an engine is there. */
function engineCell(machine: Machine, engine: LatencyEngine, state: EngineState): LatencyCell {
  const config: Config = { kind: "engine", machine: { ...machine }, engine };
  return {
    ...cellOf(LATENCY, { config, revision: TIMING, title: engineTitle(engine) }),
    work: { kind: "known", result: state },
  };
}

/** Plans a study: engines first, then places, each with all its methods, in an order that all machines have. */
export function planLatency(request: LatencyRequest): LatencyGroup[] {
  const { machine, engines, shapes, kernels, methods, directions, effort } = request;
  const groups: LatencyGroup[] = engines.map(([engine, state]) => ({
    title: engineTitle(engine),
    shared: true,
    cells: [engineCell(machine, engine, state)],
  }));
  const needs = groups.map(({ cells }) => cells[0].name);
  const present = engines.filter(([, { present }]) => present).map(([engine]) => engine);
  for (const shape of shapes) {
    for (const engine of present) {
      for (const threads of threadsOf(engine, request.threads)) {
        for (const kernel of kernels) {
          for (const method of methods) {
            const cells = directions.map((direction): LatencyCell => {
              const subject: Subject = { shape, kernel, method, direction };
              const config: Config = {
                kind: "time",
                machine: { ...machine },
                engine,
                threads,
                shape,
                kernel,
                method,
                direction,
                effort: { ...effort },
              };
              const reason = whyAbsent(engine, subject);
              const title = `${engineTitle(engine)}, ${threadsTitle(threads)}, ${shape.join("x")}, kernel ${kernel}, ${method} ${direction}`;
              const revision =
                reason === undefined ? revisionOf(engine, subject) : `${TIMING}.none`;
              return {
                ...cellOf(LATENCY, { config, revision, title, needs }),
                work:
                  reason === undefined
                    ? { kind: "time", engine, threads, subject, needed: tensorBytes(subject) }
                    : { kind: "known", result: { kind: "absent", reason } },
              };
            });
            groups.push({ title: cells[0].title, cells });
          }
        }
      }
    }
  }
  return groups;
}
