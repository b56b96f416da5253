/** What an epoch gave: a line of metrics.jsonl. */
import type { Evaluation } from "../evaluation/evaluate.ts";
import type { Interval } from "../statistics/intervals.ts";

/** What an epoch gave. */
export interface EpochMetrics {
  /** Its number, from 1. */
  readonly epoch: number;
  /** Mean loss of its steps, each before its update. */
  readonly loss: number;
  /** Share of its pictures that were right, each before the update. */
  readonly accuracy: number;
  /** Of the pictures held out; `undefined` without. */
  readonly test?: {
    /** Mean loss; `null` where scores are no numbers. */
    readonly loss: number | null;
    /** Share that was right. */
    readonly accuracy: number;
    /** The same with its 95 % interval. */
    readonly top1: Interval;
    /** Share whose class was among the five likeliest, with its 95 % interval. */
    readonly top5: Interval;
    /** How many pictures. */
    readonly pictures: number;
  };
  /** The learning rate of its last step. */
  readonly rate: number;
  /** Pictures per second, evaluation left out. */
  readonly imagesPerSecond: number;
}

/** What is kept of an evaluation. */
export function testMetrics(found: Evaluation): NonNullable<EpochMetrics["test"]> {
  const { loss, top1, top5, pictures } = found;
  return {
    loss: Number.isFinite(loss) ? loss : null,
    ...{ accuracy: top1.value, top1, top5, pictures },
  };
}

const number = (loss: number) => (loss < 1e4 ? loss.toFixed(4) : loss.toPrecision(4));
const percent = (share: number) => `${(100 * share).toFixed(2)} %`;

/** An epoch as a line for people. */
export function epochLine(metrics: EpochMetrics): string {
  const { epoch, loss, accuracy, test, rate, imagesPerSecond } = metrics;
  const held =
    test === undefined
      ? ""
      : `  test loss ${test.loss === null ? "not finite" : number(test.loss)} accuracy ${percent(test.accuracy)}` +
        ` (${percent(test.top1.low)} to ${percent(test.top1.high)})`;
  return `epoch ${epoch}  loss ${number(loss)} accuracy ${percent(accuracy)}${held}  rate ${rate.toPrecision(3)}  ${imagesPerSecond.toFixed(0)} images/s`;
}
