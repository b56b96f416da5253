/**
 * Cuts a pooling into pieces whose tensors fit into bindings: some planes together, or a part of one
 * plane along its outermost axis, with the neighbours that its windows see.
 */
import { fail, type Problem } from "../options.ts";
import { type Axis, coveringOutputs, inputRange } from "../window.ts";

/** A range of elements: first and count. */
export type Range = readonly [start: number, count: number];

/** A part of a pooling; ranges are elements of the whole tensors. */
export interface Piece {
  /** First plane and number of planes; a plane is a sample, or with channels first a channel of one. */
  readonly planes: Range;
  /** The axes D, H, W of the part. */
  readonly axes: Problem["axes"];
  /** Input elements. */
  readonly x: Range;
  /** Output elements. */
  readonly y: Range;
  /** Input elements whose gradient belongs to this piece. */
  readonly own: Range;
}

/** The most elements of a piece. */
export interface PieceLimits {
  /** Of the input. */
  readonly x: number;
  /** Of the output. */
  readonly y: number;
}

/** Elements of a plane that are interleaved: C with channels last, else 1. */
export function innerOf(problem: Problem): number {
  return problem.channelsLast ? problem.channels : 1;
}

/** The axis that is cut: the first that is not trivial. */
function outerOf(axes: readonly Axis[]): number {
  const first = axes.findIndex((axis) => axis.size > 1 || axis.out > 1);
  return first < 0 ? 2 : first;
}

/** The part `[begin, end)` of an axis: outputs, or inputs in a backward; and where it begins. */
function cutAxis(axis: Axis, backward: boolean, begin: number, end: number) {
  let outputs: [number, number] = [begin, end];
  if (backward) {
    const from = Math.min(coveringOutputs(axis, begin)[0], axis.out - 1);
    outputs = [from, Math.max(from + 1, coveringOutputs(axis, end - 1)[1])];
  }
  let [first, last] = inputRange(axis, ...outputs);
  if (backward) {
    first = Math.min(first, begin);
    last = Math.max(last, end);
  }
  const part: Axis = {
    ...axis,
    size: last - first,
    out: outputs[1] - outputs[0],
    padBegin: first + axis.padBegin - outputs[0] * axis.stride,
  };
  return { part, first, firstOut: outputs[0] };
}

/** The pieces of one plane along its outermost axis. */
function* planePieces(
  problem: Problem,
  backward: boolean,
  limits: PieceLimits,
  plane: number,
): Generator<Piece> {
  const { axes } = problem;
  const inner = innerOf(problem);
  const outer = outerOf(axes);
  const axis = axes[outer];
  const product = (key: "size" | "out") => inner * axes.reduce((n, a) => n * a[key], 1);
  const [input, output] = [product("size"), product("out")];
  const [step, stepOut] = [input / axis.size, output / axis.out];
  const whole = backward ? axis.size : axis.out;
  let begin = 0;
  let length = whole;
  while (begin < whole) {
    const end = Math.min(whole, begin + length);
    const { part, first, firstOut } = cutAxis(axis, backward, begin, end);
    if (part.size * step > limits.x || part.out * stepOut > limits.y) {
      if (length === 1) {
        const most = `at most ${Math.min(limits.x, limits.y)} elements for one step of its outermost axis`;
        fail(problem.name, "x", most, `${part.size * step} in, ${part.out * stepOut} out`);
      }
      length = Math.ceil(length / 2);
      continue;
    }
    const start = plane * input + first * step;
    const own: Range = backward
      ? [plane * input + begin * step, (end - begin) * step]
      : [start, part.size * step];
    yield {
      planes: [plane, 1],
      axes: axes.map((a, i) => (i === outer ? part : a)) as unknown as Problem["axes"],
      x: [start, part.size * step],
      y: [plane * output + firstOut * stepOut, part.out * stepOut],
      own,
    };
    begin = end;
  }
}

/**
 * The pieces of a pooling, in order.
 * @param problem the pooling
 * @param backward pieces of the input instead of the output
 * @param limits the most elements of a piece
 * @throws RangeError when not even one step along the outermost axis fits
 */
export function* pieces(
  problem: Problem,
  backward: boolean,
  limits: PieceLimits,
): Generator<Piece> {
  const { axes, batch, channels, channelsLast } = problem;
  const inner = innerOf(problem);
  const planes = channelsLast ? batch : batch * channels;
  const input = inner * axes.reduce((n, a) => n * a.size, 1);
  const output = inner * axes.reduce((n, a) => n * a.out, 1);
  if (planes * inner === 0) return;
  const together = Math.floor(Math.min(limits.x / input, limits.y / output));
  for (let plane = 0; plane < planes; plane += Math.max(1, together)) {
    if (together === 0) {
      yield* planePieces(problem, backward, limits, plane);
      continue;
    }
    const count = Math.min(together, planes - plane);
    const x: Range = [plane * input, count * input];
    yield { planes: [plane, count], axes, x, y: [plane * output, count * output], own: x };
  }
}
