/** What comes out of a network, for eyes: scores of classes, or maps. */
import { elements, type Tensor } from "@softpool/onnx";

/** Scores of classes. */
export interface Scores {
  /** What it is. */
  readonly kind: "scores";
  /** The output's name. */
  readonly name: string;
  /** Its shape. */
  readonly shape: readonly number[];
  /** The largest, in falling order: number of the class, and its share between 0 and 1 or its value. */
  readonly top: readonly { index: number; value: number }[];
  /** Whether the values are shares of 1. */
  readonly shares: boolean;
  /** Whether the page made them so: the network gives scores. */
  readonly softmax: boolean;
  /** How many classes there are. */
  readonly count: number;
}

/** A picture of an output: its channels, or their mean. */
export interface Maps {
  /** What it is. */
  readonly kind: "maps";
  /** The output's name. */
  readonly name: string;
  /** Its shape. */
  readonly shape: readonly number[];
  /** Columns of a map. */
  readonly width: number;
  /** Rows of a map. */
  readonly height: number;
  /** The first channels, row by row. */
  readonly channels: readonly Float32Array<ArrayBuffer>[];
}

/** Numbers of an output that is neither. */
export interface Numbers {
  /** What it is. */
  readonly kind: "numbers";
  /** The output's name. */
  readonly name: string;
  /** Its shape. */
  readonly shape: readonly number[];
}

/** An output. */
export type Output = Scores | Maps | Numbers;

/** How many classes are shown. */
const TOP = 5;
/** How many channels are shown. */
const CHANNELS = 12;

/** An output as it is shown. */
export function outputOf(name: string, value: Tensor): Output {
  const { shape, data } = value;
  const count = elements(shape);
  const vector = shape.filter((size) => size !== 1).length === 1;
  if (vector && count >= 2 && shape.length <= 4) {
    const { values, shares, softmax } = sharesOf(data);
    const order = Array.from(values.keys()).sort((a, b) => values[b] - values[a]);
    const top = order.slice(0, TOP).map((index) => ({ index, value: values[index] }));
    return { kind: "scores", name, shape, top, shares, softmax, count };
  }
  if (shape.length === 4 && shape[0] >= 1 && count > 0) {
    const [, c, height, width] = shape;
    const area = height * width;
    const channels = Array.from({ length: Math.min(c, CHANNELS) }, (_, i) =>
      Float32Array.from(data.subarray(i * area, (i + 1) * area)),
    );
    return { kind: "maps", name, shape, width, height, channels };
  }
  return { kind: "numbers", name, shape };
}

/** Shares of 1: as they are where they are shares already, else by a softmax. */
function sharesOf(data: ArrayLike<number>): {
  values: Float64Array;
  shares: boolean;
  softmax: boolean;
} {
  const values = Float64Array.from(data);
  const sum = values.reduce((total, value) => total + value, 0);
  if (values.every((value) => value >= 0 && value <= 1) && Math.abs(sum - 1) < 1e-2) {
    return { values, shares: true, softmax: false };
  }
  const top = values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  if (!Number.isFinite(top)) return { values, shares: false, softmax: false };
  const powers = values.map((value) => Math.exp(value - top));
  const total = powers.reduce((all, value) => all + value, 0);
  return { values: powers.map((value) => value / total), shares: true, softmax: true };
}

/** How far two outputs are apart. */
export interface Distance {
  /** The output's name. */
  readonly name: string;
  /** The largest difference of two values. */
  readonly largest: number;
  /** The largest magnitude of the first output's values. */
  readonly scale: number;
  /** Whether all values of both are finite. */
  readonly finite: boolean;
}

/** Compares two outputs. */
export function distanceOf(name: string, a: Tensor, b: Tensor): Distance {
  let [largest, scale, finite] = [0, 0, true];
  for (let i = 0; i < a.data.length; i++) {
    const [x, y] = [a.data[i], b.data[i]];
    finite &&= Number.isFinite(x) && Number.isFinite(y);
    largest = Math.max(largest, Math.abs(x - y));
    scale = Math.max(scale, Math.abs(x));
  }
  return { name, largest, scale, finite };
}
