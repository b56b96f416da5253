/** From result files to rows: what is known of every cell, by machine, engine, shape, kernel, method, direction. */
import { catalogue } from "@softpool/poolings";
import { median } from "../statistics/quantile.ts";
import { type Config, canonical } from "../study/cell.ts";
import type { Outcome } from "../study/outcome.ts";
import { type Machine, machineOf } from "./machine.ts";
import {
  type Direction,
  engineTitle,
  isOnProcessor,
  type LatencyEngine,
  latencyEngines,
  threadsTitle,
} from "./place.ts";
import { LATENCY } from "./plan.ts";
import {
  type EngineState,
  type Figures,
  figuresOf,
  latencyResult,
  type Spread,
  type Times,
} from "./result.ts";

/** A cell as it is told of. */
export interface LatencyRow {
  /** What computed. */
  readonly engine: LatencyEngine;
  /** Most threads. */
  readonly threads: number;
  /** Shape of the input. */
  readonly shape: readonly number[];
  /** Kernel and stride. */
  readonly kernel: number;
  /** Name of the method. */
  readonly method: string;
  /** What was timed. */
  readonly direction: Direction;
  /** The times, where there are any. */
  readonly times?: Times;
  /** Their figures. */
  readonly figures?: Figures;
  /** Why there are none. */
  readonly reason?: string;
}

/** Whether an engine was there. */
export interface EngineRow extends EngineState {
  /** The engine. */
  readonly engine: LatencyEngine;
}

/** What is known of a machine. */
export interface MachinePart {
  /** The machine. */
  readonly machine: Machine;
  /** Cells in the order of tables. */
  readonly rows: readonly LatencyRow[];
  /** Engines that were asked for. */
  readonly engines: readonly EngineRow[];
  /** Commands that measured. */
  readonly commands: readonly string[];
  /** First and last day, ISO 8601. */
  readonly days: readonly [first: string, last: string];
}

const isEngine = (value: unknown): value is LatencyEngine =>
  latencyEngines.includes(value as LatencyEngine);

/** Place of a method in tables: the order of the catalogue, unknown ones last. */
const methodOrder = new Map(catalogue.map(({ name }, i) => [name, i]));

/** Compares lists of numbers. */
function byNumbers(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, i) => value !== b[i]);
  return at < 0 ? 0 : a[at] - (b[at] ?? 0);
}

function orderOf(row: LatencyRow): number[] {
  return [
    ...[...row.shape.slice(1), row.shape[0]],
    latencyEngines.indexOf(row.engine),
    row.threads,
    row.kernel,
    methodOrder.get(row.method) ?? methodOrder.size,
    row.direction === "forward" ? 0 : 1,
  ];
}

/** The row of an outcome; `undefined` where its configuration is none of a time. */
function rowOf({ config, status, result, error }: Outcome): LatencyRow | undefined {
  const { engine, threads, shape, kernel, method, direction } = config as Partial<LatencyRow>;
  const sound =
    config.kind === "time" &&
    isEngine(engine) &&
    typeof threads === "number" &&
    Array.isArray(shape) &&
    typeof kernel === "number" &&
    typeof method === "string" &&
    (direction === "forward" || direction === "backward");
  if (!sound) return undefined;
  const about = { engine, threads, shape: shape as number[], kernel, method, direction };
  if (status === "failed") return { ...about, reason: error ?? "it failed" };
  const measured = latencyResult(result);
  if (measured?.kind === "times") {
    return { ...about, times: measured, figures: figuresOf(measured) };
  }
  const reason = measured?.kind === "absent" ? measured.reason : "its result is not readable";
  return { ...about, reason };
}

/** Of two outcomes of a cell that differ in how much was measured: more rounds, then the newer one. */
function better(a: LatencyRow, b: LatencyRow): boolean {
  return (a.times?.own.length ?? 0) >= (b.times?.own.length ?? 0);
}

/** What is known of each machine, in the order of their names. */
export function machineParts(outcomes: readonly Outcome[]): MachinePart[] {
  const machines = new Map<string, { machine: Machine; outcomes: Outcome[] }>();
  for (const outcome of outcomes) {
    const machine = outcome.study === LATENCY ? machineOf(outcome.config) : undefined;
    if (machine === undefined) continue;
    const key = canonical(outcome.config.machine);
    const known = machines.get(key) ?? { machine, outcomes: [] };
    known.outcomes.push(outcome);
    machines.set(key, known);
  }
  const sorted = [...machines].sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([, { machine, outcomes: all }]) => {
    const oldest = [...all].sort((a, b) => (a.made < b.made ? -1 : 1));
    const rows = new Map<string, LatencyRow>();
    const engines = new Map<LatencyEngine, EngineRow>();
    for (const outcome of oldest) {
      const row = rowOf(outcome);
      const { engine } = outcome.config;
      const state = outcome.status === "done" ? latencyResult(outcome.result) : undefined;
      if (row !== undefined) {
        const { effort: _, ...rest } = outcome.config as Config;
        const key = canonical(rest);
        const known = rows.get(key);
        if (known === undefined || better(row, known)) rows.set(key, row);
      } else if (isEngine(engine) && state?.kind === "engine") {
        engines.set(engine, { ...state, engine });
      }
    }
    return {
      machine,
      rows: [...rows.values()].sort((a, b) => byNumbers(orderOf(a), orderOf(b))),
      engines: latencyEngines.flatMap((engine) => engines.get(engine) ?? []),
      commands: [...new Set(oldest.map(({ command }) => command))],
      days: [oldest[0].made.slice(0, 10), oldest[oldest.length - 1].made.slice(0, 10)],
    };
  });
}

/** Others are said to keep the processors busy above this share. */
export const BUSY = 0.1;

/** What a block is judged by: the time that passed or, where others took the processors away, processor time. */
export type Basis = "elapsed" | "processor";

/** Rows of one shape, engine and number of threads. */
export interface Block {
  /** What computed, in words. */
  readonly title: string;
  /** What computed. */
  readonly engine: LatencyEngine;
  /** Most threads. */
  readonly threads: number;
  /** Shape of the input. */
  readonly shape: readonly number[];
  /** Kernels in their order. */
  readonly kernels: readonly number[];
  /** Methods in the order of tables. */
  readonly methods: readonly string[];
  /** Those of them that were measured anywhere in the block. */
  readonly measured: readonly string[];
  /** What it is judged by: processor time on a busy machine, of cells with one thread. */
  readonly basis: Basis;
  /** Whether it can be judged: not on a busy machine with several threads. */
  readonly trusted: boolean;
  /** The row of a cell. */
  row(method: string, kernel: number, direction: Direction): LatencyRow | undefined;
  /** Milliseconds and ratio to average pooling of a cell, by what the block is judged by. */
  judged(method: string, kernel: number, direction: Direction): Judged | undefined;
}

/** What a cell is judged by. */
export interface Judged {
  /** Milliseconds of a call. */
  readonly time: Spread;
  /** Ratio to average pooling. */
  readonly ratio: Spread;
}

/** The blocks of rows, in their order. */
export function blocksOf(rows: readonly LatencyRow[]): Block[] {
  const groups = new Map<string, LatencyRow[]>();
  for (const row of rows) {
    const key = canonical([row.shape, row.engine, row.threads]);
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups.values()].map((all) => {
    const [{ engine, threads, shape }] = all;
    const known = new Map(
      all.map((row) => [[row.method, row.kernel, row.direction].join(" "), row]),
    );
    const methods = [...new Set(all.map(({ method }) => method))].sort(
      (a, b) => (methodOrder.get(a) ?? 99) - (methodOrder.get(b) ?? 99),
    );
    const timed = new Set(
      all.filter(({ times }) => times !== undefined).map(({ method }) => method),
    );
    const onProcessor = isOnProcessor(engine);
    const busy = all.flatMap(({ times }) => (times === undefined ? [] : [times.busy]));
    const disturbed = onProcessor && median(busy) > BUSY;
    const basis: Basis = disturbed && threads === 1 ? "processor" : "elapsed";
    const row: Block["row"] = (method, kernel, direction) =>
      known.get([method, kernel, direction].join(" "));
    return {
      title: `${engineTitle(engine)}${onProcessor ? `, ${threadsTitle(threads)}` : ""}`,
      engine,
      threads,
      shape,
      kernels: [...new Set(all.map(({ kernel }) => kernel))].sort((a, b) => a - b),
      methods,
      measured: methods.filter((method) => timed.has(method)),
      basis,
      trusted: !disturbed || threads === 1,
      row,
      judged(method, kernel, direction) {
        const figures = row(method, kernel, direction)?.figures;
        if (figures === undefined || basis === "elapsed") return figures;
        return { time: figures.processor, ratio: figures.processorRatio };
      },
    };
  });
}
