/**
 * Evaluation of a classifier: batches of labelled pictures go through a session, and what it answers is
 * counted. Accuracies have Wilson's 95 % intervals; the loss is the mean cross entropy.
 */
import { OnnxError } from "@softpool/onnx";
import { fromRun, type RunTensor, type Session, toRun } from "@softpool/onnx/session-node";
import type { Batch } from "../data/loader.ts";
import { Failure } from "../errors.ts";
import { MOST_PREDICTED } from "../predictions/format.ts";
import { type Interval, wilson } from "../statistics/intervals.ts";
import { type Ranking, rank, type ScoreKind } from "./rank.ts";
import { expectClasses, type Signature, signatureOf } from "./signature.ts";

/** What a model says about one picture. */
export interface Verdict extends Ranking {
  /** Number of the picture in its set. */
  readonly index: number;
  /** Its true class. */
  readonly target: number;
}

/** How a model is evaluated. */
export interface EvaluationOptions {
  /** Number of classes of the data. */
  readonly classes: number;
  /** The model in messages; default "the model". */
  readonly title?: string;
  /** What is fed besides the pictures: weights of a graph that takes them as inputs; default nothing. */
  readonly feeds?: Readonly<Record<string, RunTensor>>;
  /** What the first output holds; default "logits". */
  readonly scores?: ScoreKind;
  /** Takes what the model says about each picture, in their order, except where that is no number. */
  readonly onPicture?: (verdict: Verdict) => void;
  /** Takes what is counted so far after each batch. */
  readonly onBatch?: (counts: Counts) => void;
  /** Asked before each batch whether to stop; default never. */
  readonly stop?: () => boolean;
}

/** What is counted. */
export interface Counts {
  /** Pictures that the model has seen. */
  readonly pictures: number;
  /** Those whose true class is the likeliest one. */
  readonly first: number;
  /** Those whose true class is among the five likeliest. */
  readonly five: number;
  /** Those whose scores are no numbers, which count as wrong. */
  readonly notFinite: number;
}

/** What an evaluation found. */
export interface Evaluation extends Counts {
  /** Share of `first`, with its 95 % interval; without pictures NaN in [0, 1]. */
  readonly top1: Interval;
  /** Share of `five`, with its 95 % interval; without pictures NaN in [0, 1]. */
  readonly top5: Interval;
  /** Mean cross entropy in nats; NaN when scores of a picture are no numbers. */
  readonly loss: number;
  /** Seconds from the first batch that was asked for to the last answer, loading included. */
  readonly seconds: number;
  /** Seconds of those in which the model ran. */
  readonly running: number;
}

/** The chunks of a batch that a model takes at once, and how many of their pictures count. */
function* chunks(
  { shape, data }: Batch,
  width: number,
): Generator<{ start: number; count: number; tensor: RunTensor }> {
  const [pictures, ...rest] = shape;
  const one = rest.reduce((product, size) => product * size, 1);
  for (let start = 0; start < pictures; start += width) {
    const count = Math.min(width, pictures - start);
    let part = data.subarray(start * one, (start + count) * one);
    if (count < width) {
      // What fills it up is a picture too: zeros might be none to the model.
      const padded = new Float32Array(width * one);
      padded.set(part);
      for (let i = count; i < width; i++) padded.copyWithin(i * one, 0, one);
      part = padded;
    }
    yield { start, count, tensor: { dtype: "float32", shape: [width, ...rest], data: part } };
  }
}

/** Float32 values as float16. */
function halved({ shape, data }: RunTensor): RunTensor {
  return toRun({ dtype: "float16", shape, data: Float64Array.from(data as Float32Array) });
}

/** The scores of a chunk, row by row, after a look at their number. */
function scoresOf(value: RunTensor, width: number, title: string, classes: number): Float64Array {
  const { data, shape } = fromRun(value);
  if (shape[0] !== width || shape.length < 2 || data.length % width !== 0) {
    throw new Failure(
      `${title}: expected scores [${width}, classes] for ${width} pictures, received [${shape.join(", ")}]`,
    );
  }
  expectClasses(title, data.length / width, classes);
  return data as Float64Array;
}

/**
 * Evaluates a model.
 * @param session runs it: one input `[N, C, H, W]`, float32 or float16, besides `feeds`, first output `[N, classes]`; N
 * may be fixed, batches are then cut and the last part is filled up
 * @param batches labelled pictures of the size and with the planes that it takes
 * @param options number of classes, what is fed besides, who listens
 * @returns what was counted; of the batches before the stop, when `stop` said so
 * @throws Failure when the model takes or gives something else, or tells another number of classes apart
 */
export async function evaluateModel(
  session: Pick<Session, "inputs" | "outputs" | "run">,
  batches: AsyncIterable<Batch>,
  options: EvaluationOptions,
): Promise<Evaluation> {
  const { classes, title = "the model", feeds = {}, scores: kind = "logits" } = options;
  const signature: Signature = signatureOf(session, title, Object.keys(feeds));
  expectClasses(title, signature.classes, classes);
  const most = Math.min(MOST_PREDICTED, classes);
  const counts = { pictures: 0, first: 0, five: 0, notFinite: 0 };
  let [loss, running] = [0, 0];
  const begin = performance.now();
  let end = begin;
  const run = async (tensor: RunTensor): Promise<RunTensor> => {
    const before = performance.now();
    try {
      const results = await session.run({
        ...feeds,
        [signature.input]: signature.dtype === "float16" ? halved(tensor) : tensor,
      });
      return results[signature.output];
    } catch (error) {
      throw error instanceof OnnxError ? new Failure(`${title}: ${error.message}`) : error;
    } finally {
      end = performance.now();
      running += end - before;
    }
  };
  const count = (verdict: Ranking | undefined, index: number, target: number): void => {
    counts.pictures++;
    if (verdict === undefined) {
      counts.notFinite++;
      return;
    }
    if (verdict.rank < 1) counts.first++;
    if (verdict.rank < MOST_PREDICTED) counts.five++;
    loss += verdict.loss;
    options.onPicture?.({ ...verdict, index, target });
  };
  if (options.stop?.() !== true) {
    for await (const batch of batches) {
      const width = signature.batch ?? batch.labels.length;
      for (const { start, count: pictures, tensor } of chunks(batch, width)) {
        const values = scoresOf(await run(tensor), width, title, classes);
        for (let i = 0; i < pictures; i++) {
          const row = values.subarray(i * classes, (i + 1) * classes);
          const target = batch.labels[start + i];
          count(rank(row, target, kind, most), batch.indices[start + i], target);
        }
      }
      options.onBatch?.({ ...counts });
      if (options.stop?.() === true) break;
    }
  }
  const { pictures, first, five, notFinite } = counts;
  const share = (hits: number): Interval =>
    pictures === 0 ? { value: Number.NaN, low: 0, high: 1 } : wilson(hits, pictures);
  return {
    ...counts,
    top1: share(first),
    top5: share(five),
    loss: notFinite > 0 ? Number.NaN : loss / pictures,
    seconds: (end - begin) / 1000,
    running: running / 1000,
  };
}
