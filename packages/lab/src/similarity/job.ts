/** The work of a thread: the cells of one picture, which share its decoding and what it is compared by. */
import { setImmediate } from "node:timers/promises";
import { type Comparison, type Fidelity, type Picture, PictureReference } from "@softpool/pictures";
import { toPicture } from "../compare/load.ts";
import { Failure, plain, quote } from "../errors.ts";
import { type Config, canonical, type Json } from "../study/cell.ts";
import { fromNumber } from "../study/outcome.ts";
import { comparisonIn, scored } from "./comparison.ts";
import { fitCrops } from "./crops.ts";
import { fit } from "./fit.ts";
import { operatorEngine } from "./operator.ts";
import { readParameters, toJson } from "./parameters.ts";
import { Pooler, type Pooling } from "./pooler.ts";
import type { CellReply, CellTask, FitTask, PictureTask, ThreadSetup } from "./task.ts";
import { isOperator, type Variant, variantOf } from "./variant.ts";
import { type Look, lookAt, viewOf } from "./view.ts";

/** What computes a variant here, as tables name it. */
function engineOf(variant: Variant): string {
  return isOperator(variant) ? operatorEngine(1) : "onnxruntime-node cpu (1 thread)";
}

/** The part of a configuration that pooling depends on: cells with an equal one share it. */
function poolingKey({ config, seed }: CellTask): string {
  const { method, settings, state, phase, kernel, values, fit } = config;
  return canonical([method, settings ?? {}, state, phase, kernel, values, fit ?? "", seed]);
}

/** Does tasks, one after another. */
export class Worker {
  readonly #setup: ThreadSetup;
  readonly #pooler: Pooler = new Pooler();

  /** @param setup where fitted parameters are, and what stops the work */
  constructor(setup: ThreadSetup) {
    this.#setup = setup;
  }

  #stopped(): boolean {
    return Atomics.load(this.#setup.stop, 0) !== 0;
  }

  /** Measures the cells of a picture, reporting each. */
  async measure(task: PictureTask, report: (reply: CellReply) => void): Promise<void> {
    const picture = toPicture(task.decoded);
    const work = new PictureWork(picture, this.#pooler, this.#setup.folder);
    const together: Pooled[] = [];
    const tried = async (cells: readonly CellTask[], act: () => Promise<readonly CellReply[]>) => {
      try {
        for (const reply of await act()) report(reply);
      } catch (error) {
        const reason = plain(String((error as Error)?.message ?? error));
        const { kernel } = cells[0].config;
        const where = `cannot pool ${quote(task.title)} with kernel ${kernel}`;
        for (const { name } of cells) report({ name, error: `${where}: ${reason}` });
      }
    };
    const score = async () => {
      const some = together.splice(0);
      if (some.length === 0) return;
      await tried(
        some.flatMap(({ cells }) => cells),
        async () => work.scores(some),
      );
    };
    try {
      for (let i = 0; i < task.cells.length; ) {
        await setImmediate();
        if (this.#stopped()) return;
        const key = poolingKey(task.cells[i]);
        let end = i + 1;
        while (end < task.cells.length && poolingKey(task.cells[end]) === key) end++;
        const cells = task.cells.slice(i, end);
        await tried(cells, async () => {
          const { pooled, replies } = await work.pool(cells);
          if (pooled !== undefined) {
            if (!fits(pooled, together)) await score();
            together.push(pooled);
          }
          return replies;
        });
        i = end;
      }
      if (!this.#stopped()) await score();
    } finally {
      await this.#pooler.release(false);
    }
  }

  /** Fits parameters, reporting each cell. */
  async fit(task: FitTask, report: (reply: CellReply) => void): Promise<void> {
    const stop = () => this.#stopped();
    const crops = new Map<number, Picture[]>();
    for (const { name, config } of task.cells) {
      await setImmediate();
      if (stop()) return;
      const variant = variantOf(config);
      const kernel = config.kernel as number;
      try {
        const begin = performance.now();
        const found = crops.get(kernel) ?? (await fitCrops(task.pictures, kernel, stop));
        if (stop()) return;
        crops.set(kernel, found);
        const fitted = await fit(variant, comparisonIn(config), kernel, found, stop);
        if (fitted === undefined) return;
        const { values, before, after } = fitted;
        const result = { parameters: toJson(values), before, after, crops: fitted.crops };
        const seconds = (performance.now() - begin) / 1000;
        report({ name, result, engine: "onnxruntime-node cpu (1 thread)", seconds });
      } catch (error) {
        const reason = plain(String((error as Error)?.message ?? error));
        report({ name, error: `cannot fit ${variant.method} with kernel ${kernel}: ${reason}` });
      }
    }
  }
}

/** A pooled picture and its cells that are to be scored. */
interface Pooled {
  readonly picture: Picture;
  readonly cells: readonly CellTask[];
  readonly comparisons: readonly Comparison[];
  readonly engine: string;
  /** Seconds that pooling took. */
  readonly seconds: number;
}

/** Pooled pictures that are scored together at most, and their samples. */
const TOGETHER = 4;
const MOST_SAMPLES = 12e6;

/** Whether a pooled picture can be scored together with others. */
function fits(pooled: Pooled, others: readonly Pooled[]): boolean {
  if (others.length === 0) return true;
  const kind = ({ cells, comparisons }: Pooled) =>
    canonical([cells[0].config.kernel, comparisons as unknown as Json]);
  const samples = [pooled, ...others].reduce((sum, { picture }) => sum + picture.data.length, 0);
  return others.length < TOGETHER && samples <= MOST_SAMPLES && kind(pooled) === kind(others[0]);
}

/** A picture with what its cells share. */
class PictureWork {
  readonly #picture: Picture;
  readonly #pooler: Pooler;
  readonly #folder: string;
  readonly #looks = new Map<number, Look>();
  #reference: PictureReference | undefined;
  readonly #parameters = new Map<string, ReturnType<typeof readParameters>>();

  constructor(picture: Picture, pooler: Pooler, folder: string) {
    this.#picture = picture;
    this.#pooler = pooler;
    this.#folder = folder;
  }

  /** Pools for cells that share pooling: what is to be scored, if anything, and what is shown. */
  async pool(cells: readonly CellTask[]): Promise<{ pooled?: Pooled; replies: CellReply[] }> {
    const { config, seed } = cells[0];
    const kernel = config.kernel as number;
    const { width, height } = this.#picture;
    if (kernel > Math.min(width, height)) {
      throw new Failure(`it is larger than the picture of ${width} x ${height} pixels`);
    }
    const begin = performance.now();
    if (config.method === "original") {
      return { replies: await this.#views(this.#picture, cells, "", begin) };
    }
    const variant = variantOf(config);
    const picture = await this.#pool(variant, config, seed);
    const seconds = (performance.now() - begin) / 1000;
    const engine = engineOf(variant);
    const views = cells.filter((cell) => cell.config.kind === "view");
    const scores = cells.filter((cell) => cell.config.kind === "score");
    const replies = await this.#views(picture, views, engine, begin);
    if (scores.length === 0) return { replies };
    const comparisons = scores.map(({ config }) => scored(comparisonIn(config)));
    return { pooled: { picture, cells: scores, comparisons, engine, seconds }, replies };
  }

  async #pool(variant: Variant, config: Config, seed: number): Promise<Picture> {
    const { kernel, values } = config as unknown as Pick<Pooling, "kernel" | "values">;
    const fit = config.fit as string | undefined;
    let fitted: Pooling["fitted"];
    if (fit !== undefined) {
      const known = this.#parameters.get(fit) ?? readParameters(this.#folder, fit);
      this.#parameters.set(fit, known);
      fitted = { name: fit, values: known };
    }
    const place = Number.parseInt((config.content as string).slice(0, 12), 16);
    return this.#pooler.pool(this.#picture, { variant, kernel, values, seed, place, fitted });
  }

  /** Scores pooled pictures of one kernel by the same comparisons. */
  scores(some: readonly Pooled[]): CellReply[] {
    this.#reference ??= new PictureReference(this.#picture);
    const begin = performance.now();
    const [{ cells, comparisons }] = some;
    const kernel = cells[0].config.kernel as number;
    const pictures = some.map(({ picture }) => picture);
    const measured = this.#reference.scoreAll(pictures, kernel, comparisons);
    const scoring = (performance.now() - begin) / 1000 / some.length;
    return some.flatMap(({ picture, cells, engine, seconds: pooling }, n) =>
      cells.map(({ name }, i) => {
        const { fidelity, detail } = measured[n];
        const numbers = { ...(fidelity[i] as Fidelity), ...detail };
        const result: Json = {
          ...Object.fromEntries(
            Object.entries(numbers).map(([key, value]) => [key, fromNumber(value)]),
          ),
          width: picture.width * kernel,
          height: picture.height * kernel,
          pooling,
        };
        return { name, result, engine, seconds: (pooling + scoring) / cells.length };
      }),
    );
  }

  async #views(
    picture: Picture,
    cells: readonly CellTask[],
    engine: string,
    begin: number,
  ): Promise<CellReply[]> {
    const replies: CellReply[] = [];
    for (const { name, config } of cells) {
      const kernel = config.kernel as number;
      const look = this.#looks.get(kernel) ?? lookAt(this.#picture, kernel);
      this.#looks.set(kernel, look);
      const region = config.shown === "crop" ? look.crop : look.part;
      const result = await viewOf(picture, region, kernel, config.method === "original");
      const seconds = (performance.now() - begin) / 1000 / cells.length;
      replies.push({ name, result, engine, seconds });
    }
    return replies;
  }
}
