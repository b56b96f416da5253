/**
 * Resampling of stored pixels to float planes, separable, with the triangle filter widened to the scale
 * when it reduces (no aliasing), and black outside. In float64 arithmetic of fixed order: the same bits
 * on every machine.
 *
 *     y[i] = sum_k w_k x[k] / sum_k w_k,  w_k = max(0, 1 - |k + 1/2 - c_i| / max(1, scale)),
 *     c_i = origin + scale (i + 1/2)
 */
import type { Pixels } from "./dataset.ts";

/** The weights of one axis: output `i` is a weighted mean of inputs from `start[i]` on. */
export interface Axis {
  /** First input of each output. */
  readonly start: Int32Array;
  /** How many inputs each output takes; 0 is black. */
  readonly count: Int32Array;
  /** Weights of all outputs, `most` places each, of sum 1. */
  readonly weights: Float64Array;
  /** Places of an output in `weights`. */
  readonly most: number;
}

/** How an axis is laid over the inputs. */
export interface Layout {
  /** Where output 0 begins, in inputs. */
  readonly origin: number;
  /** Inputs for one output, above 0. */
  readonly scale: number;
  /** Outputs. */
  readonly length: number;
  /** Inputs from `low` to below `high` take part. */
  readonly low: number;
  /** See `low`. */
  readonly high: number;
  /** Outputs from `first` to below `last` are picture, the others black; default all. */
  readonly first?: number;
  /** See `first`. */
  readonly last?: number;
  /** Whether the outputs run backwards; default false. */
  readonly mirrored?: boolean;
}

/** The weights of a layout. */
export function axisOf(layout: Layout): Axis {
  const { origin, scale, length, low, high, first = 0, last = length, mirrored = false } = layout;
  const support = Math.max(1, scale);
  const most = Math.ceil(2 * support) + 1;
  const axis = {
    start: new Int32Array(length),
    count: new Int32Array(length),
    weights: new Float64Array(length * most),
    most,
  };
  for (let i = Math.max(0, first); i < Math.min(length, last); i++) {
    const centre = origin + scale * (i + 0.5);
    const weightOf = (k: number) => 1 - Math.abs(k + 0.5 - centre) / support;
    let begin = Math.max(low, Math.ceil(centre - support - 0.5));
    let end = Math.min(high, Math.floor(centre + support - 0.5) + 1);
    // Outputs whose centre lies outside take the nearest input; edges of weight 0 are left out.
    if (begin >= end) {
      begin = Math.min(high - 1, Math.max(low, Math.floor(centre)));
      end = begin + 1;
    }
    while (end - begin > 1 && weightOf(begin) <= 0) begin++;
    while (end - begin > 1 && weightOf(end - 1) <= 0) end--;
    const to = mirrored ? length - 1 - i : i;
    axis.start[to] = begin;
    axis.count[to] = end - begin;
    let sum = 0;
    for (let k = begin; k < end; k++) sum += end - begin === 1 ? 1 : weightOf(k);
    for (let k = begin; k < end; k++) {
      axis.weights[to * most + k - begin] = end - begin === 1 ? 1 : weightOf(k) / sum;
    }
  }
  return axis;
}

/**
 * Resamples a picture.
 * @param picture stored pixels
 * @param across weights of the columns
 * @param down weights of the rows
 * @param out receives red, green and blue planes with values from 0 to 255, rows from the top
 */
export function resample(picture: Pixels, across: Axis, down: Axis, out: Float32Array): void {
  const { pixels, width } = picture;
  const columns = across.start.length;
  const rows = down.start.length;
  const plane = columns * rows;
  // Rows that some output needs.
  let top = Number.POSITIVE_INFINITY;
  let bottom = 0;
  for (let y = 0; y < rows; y++) {
    if (down.count[y] === 0) continue;
    top = Math.min(top, down.start[y]);
    bottom = Math.max(bottom, down.start[y] + down.count[y]);
  }
  out.fill(0, 0, 3 * plane);
  if (bottom === 0) return;
  const line = columns * 3;
  const narrowed = new Float32Array((bottom - top) * line);
  for (let y = top, to = 0; y < bottom; y++) {
    for (let x = 0; x < columns; x++, to += 3) {
      let at = (y * width + across.start[x]) * 3;
      let [red, green, blue] = [0, 0, 0];
      for (let k = x * across.most, end = k + across.count[x]; k < end; k++, at += 3) {
        const weight = across.weights[k];
        red += weight * pixels[at];
        green += weight * pixels[at + 1];
        blue += weight * pixels[at + 2];
      }
      narrowed[to] = red;
      narrowed[to + 1] = green;
      narrowed[to + 2] = blue;
    }
  }
  for (let y = 0; y < rows; y++) {
    const from = (down.start[y] - top) * line;
    for (let x = 0; x < columns; x++) {
      let at = from + x * 3;
      let [red, green, blue] = [0, 0, 0];
      for (let k = y * down.most, end = k + down.count[y]; k < end; k++, at += line) {
        const weight = down.weights[k];
        red += weight * narrowed[at];
        green += weight * narrowed[at + 1];
        blue += weight * narrowed[at + 2];
      }
      const to = y * columns + x;
      out[to] = red;
      out[plane + to] = green;
      out[2 * plane + to] = blue;
    }
  }
}
