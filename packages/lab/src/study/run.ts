/**
 * Runs a study: looks up what is done, gives the rest to workers group by group, and writes every result
 * as soon as it is there. What fails is written down with its reason and tried again by the next run.
 */
import { setImmediate } from "node:timers/promises";
import { Failure, plain, quote } from "../errors.ts";
import { Interruption } from "../progress.ts";
import type { Cell, Group } from "./cell.ts";
import { type Measured, outcomeOf, type Provenance } from "./outcome.ts";
import { StudyProgress } from "./progress.ts";
import { groupsOf, type Shard, WHOLE } from "./shard.ts";
import { isBroken, openFolder, readCell, saveCell } from "./store.ts";

/** Takes what the work on a cell gave, or why it failed. */
export type Report = (cell: Cell, measured: Measured | { readonly error: string }) => void;

/** What does the work. */
export interface Executor {
  /** Groups in work at a time. */
  readonly lanes: number;
  /**
   * Works on cells of a group and reports each as soon as it is measured. Whatever it throws is the reason
   * why the cells that were not reported failed.
   * @param group the group
   * @param cells its cells that are not done, in their order
   * @param report takes the results
   * @param stop says that no further cell is to be begun
   */
  run(group: Group, cells: readonly Cell[], report: Report, stop: () => boolean): Promise<void>;
  /** Gives up what it holds. */
  close(): Promise<void>;
}

/** What is to be done. */
export interface StudyRun {
  /** The folder of the results. */
  readonly folder: string;
  /** The study's name. */
  readonly study: string;
  /** All groups, of all shards, in an order that every machine has. */
  readonly groups: readonly Group[];
  /** The part to do; default all. */
  readonly shard?: Shard;
  /** Where it is done. */
  readonly provenance: Provenance;
  /** Makes the workers; called only when there is something to do. */
  executor(): Executor;
  /** Bytes of all groups in work; one group is always in work. Default no limit. */
  readonly memory?: number;
  /** Takes sentences about what a user should know; default standard error. */
  readonly note?: (sentence: string) => void;
}

/** What was done. */
export interface Summary {
  /** Cells of the shard. */
  readonly cells: number;
  /** Those that were done before. */
  readonly before: number;
  /** Those that were computed now. */
  readonly computed: number;
  /** Those that failed now, with their reasons. */
  readonly failed: readonly { readonly cell: Cell; readonly error: string }[];
  /** Whether it was interrupted. */
  readonly interrupted: boolean;
  /** Seconds. */
  readonly seconds: number;
}

/** The costs of cells, added up. */
function costOf(cells: readonly Cell[]): number {
  return cells.reduce((sum, { cost = 1 }) => sum + cost, 0);
}

/** Reasons that are printed one by one. */
const FEW = 5;

/** What is left to do of groups. */
interface Left {
  readonly group: Group;
  readonly cells: readonly Cell[];
}

/** Runs a study; results of cells that are done are not touched. */
export async function runStudy(run: StudyRun): Promise<Summary> {
  const { folder, study, provenance } = run;
  const note = run.note ?? ((sentence) => console.error(`softpool: ${sentence}`));
  const begin = performance.now();
  openFolder(folder);
  const interruption = new Interruption();
  try {
    const { left, cells, before } = await lookUp(run, note, interruption);
    const failed: { cell: Cell; error: string }[] = [];
    let computed = 0;
    const pending = left.reduce((sum, entry) => sum + entry.cells.length, 0);
    if (before > 0 && pending > 0) {
      note(`${before} of ${cells} cells are done already, ${pending} are left`);
    }
    if (pending > 0 && !interruption.interrupted) {
      const progress = new StudyProgress(
        cells,
        before,
        costOf(left.flatMap((entry) => entry.cells)),
      );
      const executor = run.executor();
      const writes = new Writes();
      const stop = () => interruption.interrupted || writes.failure !== undefined;
      const work = async ({ group, cells: wanted }: Left): Promise<void> => {
        const reported = new Set<string>();
        const report: Report = (cell, measured) => {
          if (reported.has(cell.name)) return;
          reported.add(cell.name);
          if ("error" in measured) failed.push({ cell, error: measured.error });
          else computed++;
          progress.step(cell.title, cell.cost ?? 1);
          writes.add(saveCell(folder, cell.name, outcomeOf(study, cell, measured, provenance)));
        };
        try {
          await executor.run(group, wanted, report, stop);
        } catch (error) {
          const reason = plain(String((error as Error)?.message ?? error));
          if (!stop()) for (const cell of wanted) report(cell, { error: reason });
        }
        await writes.done();
      };
      try {
        for (const shared of [true, false]) {
          const part = left.filter(({ group }) => (group.shared === true) === shared);
          await inLanes(part, executor.lanes, run.memory ?? Infinity, work, stop);
        }
      } finally {
        await executor.close();
        progress.end();
      }
      if (writes.failure !== undefined) throw writes.failure;
    }
    const { interrupted } = interruption;
    const seconds = (performance.now() - begin) / 1000;
    return { cells, before, computed, failed, interrupted, seconds };
  } finally {
    interruption.end();
  }
}

/** What is not done of a shard, with how many cells it has and how many of them are done. */
async function lookUp(
  { folder, groups, shard = WHOLE }: StudyRun,
  note: (sentence: string) => void,
  interruption: Interruption,
): Promise<{ left: Left[]; cells: number; before: number }> {
  const mine = groupsOf(groups, shard);
  const done = new Set<string>();
  const broken: string[] = [];
  let looked = 0;
  for (const { cells } of mine) {
    for (const { name } of cells) {
      if (looked++ % 500 === 0) await setImmediate();
      if (interruption.interrupted) return { left: [], cells: 0, before: 0 };
      const outcome = readCell(folder, name);
      if (outcome === undefined) continue;
      if (isBroken(outcome)) broken.push(`${quote(outcome.path)} (${outcome.reason})`);
      else if (outcome.status === "done") done.add(name);
    }
  }
  const more = broken.length > FEW ? ` and ${broken.length - FEW} more` : "";
  if (broken.length > 0) {
    note(`computed again, since they are broken: ${broken.slice(0, FEW).join(", ")}${more}`);
  }
  const own = mine.filter(({ shared }) => shared !== true);
  const needed = new Set(own.flatMap(({ cells }) => cells.flatMap(({ needs = [] }) => needs)));
  const wanted = mine.map((group) => ({
    group,
    all: group.shared === true ? group.cells.filter(({ name }) => needed.has(name)) : group.cells,
  }));
  const left = wanted
    .map(({ group, all }) => ({ group, cells: all.filter(({ name }) => !done.has(name)) }))
    .filter(({ cells }) => cells.length > 0);
  const cells = wanted.reduce((sum, { all }) => sum + all.length, 0);
  return { left, cells, before: cells - left.reduce((sum, entry) => sum + entry.cells.length, 0) };
}

/** Writes under way; the first failure ends the study. */
class Writes {
  #pending: Promise<void>[] = [];
  /** The first failure. */
  failure: unknown;

  /** Adds one. */
  add(write: Promise<void>): void {
    this.#pending.push(
      write.catch((error) => {
        this.failure ??= error;
      }),
    );
  }

  /** Waits for all. */
  async done(): Promise<void> {
    const pending = this.#pending;
    this.#pending = [];
    await Promise.all(pending);
  }
}

/** Works on entries, several at a time, as long as their memory fits. */
async function inLanes(
  entries: readonly Left[],
  lanes: number,
  memory: number,
  work: (entry: Left) => Promise<void>,
  stop: () => boolean,
): Promise<void> {
  const running = new Set<Promise<void>>();
  let held = 0;
  for (const entry of entries) {
    const { memory: size = 0 } = entry.group;
    while (running.size > 0 && (running.size >= lanes || held + size > memory)) {
      await Promise.race(running);
    }
    if (stop()) break;
    held += size;
    const one: Promise<void> = work(entry).finally(() => {
      held -= size;
      running.delete(one);
    });
    running.add(one);
  }
  await Promise.all(running);
}

/** How a study ended, as an exit code; reasons of failures go to standard error. */
export function conclude({ failed, interrupted, cells, before, computed }: Summary): number {
  const reasons = new Map<string, number>();
  for (const { error } of failed) reasons.set(error, (reasons.get(error) ?? 0) + 1);
  for (const [error, count] of reasons) {
    console.error(`softpool: ${error}${count > 1 ? ` (${count} cells)` : ""}`);
  }
  if (interrupted) {
    console.error(
      `softpool: interrupted with ${before + computed} of ${cells} cells done; the same command goes on`,
    );
    return 130;
  }
  return failed.length > 0 ? 1 : 0;
}

/** Refuses a study whose cells all failed. */
export function expectSome({ failed, cells }: Summary): void {
  if (cells > 0 && failed.length === cells) {
    throw new Failure(
      `none of ${cells} cells could be computed, the first because: ${failed[0].error}`,
    );
  }
}
