/** Does the cells of a latency study: one at a time, each in a fresh process. */
import type { Cell, Group, Json } from "../study/cell.ts";
import type { Executor, Report } from "../study/run.ts";
import type { Effort } from "./measure.ts";
import { engineTitle, threadsTitle } from "./place.ts";
import type { LatencyCell } from "./plan.ts";
import { runTask } from "./process.ts";
import type { Answer, TimeTask } from "./task.ts";

/** The executor of latency studies. */
export class LatencyExecutor implements Executor {
  /** One group at a time: nothing else of the study runs beside what is timed. */
  readonly lanes: number = 1;
  readonly #effort: Effort;

  /** @param effort how much is measured */
  constructor(effort: Effort) {
    this.#effort = effort;
  }

  /** Measures cells of a group. */
  async run(_: Group, cells: readonly Cell[], report: Report, stop: () => boolean): Promise<void> {
    for (const cell of cells as readonly LatencyCell[]) {
      if (stop()) return;
      const begin = performance.now();
      const answer = await this.#answer(cell);
      // Ctrl-C in a terminal ends the process of the cell too: that is no result.
      if (stop() && answer.kind === "failed") return;
      const seconds = Math.round(performance.now() - begin) / 1000;
      const { work } = cell;
      const engine =
        work.kind === "time" ? `${engineTitle(work.engine)}, ${threadsTitle(work.threads)}` : "";
      if (answer.kind === "failed") report(cell, { error: `${cell.title}: ${answer.error}` });
      else report(cell, { result: answer as unknown as Json, engine, seconds });
    }
  }

  async #answer({ work }: LatencyCell): Promise<Answer> {
    if (work.kind === "known") return work.result;
    const { subject, engine, threads, needed } = work;
    const task: TimeTask = { kind: "time", ...subject, engine, threads, effort: this.#effort };
    return runTask(task, needed);
  }

  /** Holds nothing. */
  async close(): Promise<void> {}
}
