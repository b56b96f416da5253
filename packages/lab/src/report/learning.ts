/** Learning curves: loss and accuracy over epochs, of training and test, of one run or of several. */
import type { Axis } from "./axis.ts";
import { figures } from "./frame.ts";
import type { Html } from "./html.ts";
import { lines, type Series } from "./lines.ts";
import { type SeriesStyle, styleAt, stylesOf } from "./palette.ts";

/** What an epoch gave; what is not known is left out. */
export interface EpochPoint {
  /** Its number, from 1. */
  readonly epoch: number;
  /** Mean loss of its steps. */
  readonly loss?: number;
  /** Share of its pictures that were right, in [0, 1]. */
  readonly accuracy?: number;
  /** Of the pictures held out, after the epoch. */
  readonly test?: {
    /** Mean loss. */
    readonly loss?: number;
    /** Share that was right. */
    readonly accuracy?: number;
  };
}

/** A run and its epochs. */
export interface LearningRun {
  /** Its name; runs of the same name, such as a method with several seeds, look alike. */
  readonly name: string;
  /** Its epochs, ascending. */
  readonly epochs: readonly EpochPoint[];
}

/** With one run the test is drawn in the first colour, the training in grey dashes. */
const TRAINING: SeriesStyle = { ...styleAt(6), symbol: "square", dash: "4 4" };

/** An axis of epochs from 1 to the last one, with ticks at whole numbers. */
export function epochAxis(last: number): Axis {
  const step =
    [1, 2, 5, 10, 20, 50, 100].find((s) => last / s <= 12) ?? Math.ceil(last / 1000) * 100;
  const ticks = Array.from({ length: Math.floor(last / step) }, (_, i) => (i + 1) * step);
  return { label: "epoch", ticks: step === 1 ? ticks : [1, ...ticks], include: [1, last] };
}

/**
 * Loss and accuracy side by side.
 * @param runs the runs
 * @param planned how many epochs there will be, so that unfinished curves show how much is missing
 */
export function learningCurves(runs: readonly LearningRun[], planned = 1): Html {
  const epochs = runs.flatMap((run) => run.epochs.map(({ epoch }) => epoch));
  const last = epochs.reduce((a, b) => Math.max(a, b), Math.max(1, planned));
  const x = epochAxis(last);
  const styles = stylesOf(runs.map(({ name }) => name));
  const single = runs.length === 1;
  const curves = (
    training: (point: EpochPoint) => number | undefined,
    test: (point: EpochPoint) => number | undefined,
  ): Series[] =>
    runs.flatMap(({ name, epochs }): Series[] => {
      const own = styles.get(name) as SeriesStyle;
      const parts = [
        { part: "test", of: test, style: single ? styleAt(0) : { ...own, dash: undefined } },
        { part: "training", of: training, style: single ? TRAINING : { ...own, dash: "3 4" } },
      ];
      return parts
        .map(({ part, of, style }) => ({
          name: single ? part : `${name}, ${part}`,
          points: epochs.map((point) => ({ x: point.epoch, y: of(point) })),
          style,
        }))
        .filter(({ points }) => points.some(({ y }) => y !== undefined));
    });
  const percent = (share: number | undefined) => (share === undefined ? undefined : 100 * share);
  return figures(
    "half",
    lines({
      size: "half",
      title: "Loss",
      x,
      y: { label: "cross-entropy" },
      series: curves(
        (point) => point.loss,
        (point) => point.test?.loss,
      ),
    }),
    lines({
      size: "half",
      title: "Accuracy",
      x,
      y: { label: "pictures right", unit: "%" },
      series: curves(
        (point) => percent(point.accuracy),
        (point) => percent(point.test?.accuracy),
      ),
    }),
  );
}
