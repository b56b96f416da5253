/**
 * Fits the parameters of a method to the squared error of a comparison, by gradient descent through one
 * graph: pooling, reconstruction, light, mean squared error, and its gradients.
 *
 *     L = mean (light(A back(y) B') - target)^2,  y the pooled crops, A and B' the reconstruction
 *
 * A reconstruction is linear along rows and columns: A and B' hold the weights of every output. At low
 * resolution there is none. How the least is found: `descent.ts`. Crops, their order and the initial values
 * follow from the pictures and a fixed seed.
 */
import {
  add,
  div,
  Graph,
  gradients,
  greater,
  max,
  mul,
  pow,
  reduce,
  scalar,
  sub,
  tensor,
  type Value,
  where,
  writeModel,
} from "@softpool/onnx";
import { createSession, type RunTensor } from "@softpool/onnx/session-node";
import {
  areaAverage,
  createPicture,
  fromValueRange,
  type Picture,
  resize,
  toLinear,
  toSrgb,
  toValueRange,
  type ValueRange,
} from "@softpool/pictures";
import type { Comparison } from "./comparison.ts";
import { lbfgs, type Objective } from "./descent.ts";
import { compose, initialValues, type Place, parametersOf, type Values } from "./graph.ts";
import type { Variant } from "./variant.ts";

/** How a fit is done. */
interface Schedule {
  /** Steps at most. */
  readonly steps: number;
  /** Crops that are fitted to, at most. */
  readonly crops: number;
  /** Crops that are evaluated at a time. */
  readonly batch: number;
}

/** Changes when the same fit would give other parameters, besides by its graph. */
export const FIT_REVISION = "3";

/** How a method is fitted: large networks in fewer steps, on fewer crops. */
export function scheduleOf(method: string): Schedule {
  if (method === "lip-bottleneck") {
    return { steps: 15, crops: 8, batch: 2 };
  }
  return { steps: 50, crops: 32, batch: 8 };
}

/** What a fit gave. */
export interface Fitted {
  /** The parameters. */
  readonly values: Values;
  /** Mean squared error on all crops before. */
  readonly before: number;
  /** Mean squared error on all crops with the parameters. */
  readonly after: number;
  /** Crops that were fitted to. */
  readonly crops: number;
}

/** The matrix of a reconstruction along an axis, `[to, from]`. */
function weights(from: number, to: number, protocol: "nearest" | "bilinear" | "bicubic") {
  const identity = createPicture(from, from, 1);
  for (let i = 0; i < from; i++) identity.data[i * from + i] = 1;
  return resize(identity, from, to, protocol).data;
}

/** Pooled values in a range as sRGB values: a x + b for every channel, found from two values. */
function affine(values: ValueRange["name"]): { scale: Float32Array; shift: Float32Array } {
  const at = (value: number) =>
    fromValueRange(createPicture(1, 1, 3, new Float32Array(3).fill(value)), values).data;
  const [zero, one] = [at(0), at(1)];
  return { scale: one.map((value, i) => value - zero[i]), shift: zero };
}

/** Linear light of sRGB values; below 0 the line goes on. */
function linearLight(g: Graph, v: Value): Value {
  const number = (value: number) => g.constant(scalar("float32", value));
  const knee = number(0.04045);
  const bent = div(g, add(g, max(g, v, knee), number(0.055)), number(1.055));
  return where(g, greater(g, v, knee), pow(g, bent, number(2.4)), div(g, v, number(12.92)));
}

/** The graph of a step: inputs `x`, `target` and the parameters; outputs `loss` and `gradient/NAME`. */
function stepModel(
  variant: Variant,
  comparison: Comparison,
  place: Place,
  batch: number,
  learned: readonly string[],
): Uint8Array<ArrayBuffer> {
  const { values, protocol, light } = comparison;
  const { kernel, channels, size } = place;
  const side = (size as readonly [number, number])[0];
  const small = side / kernel;
  const g = new Graph(18);
  const x = g.input("x", "float32", [batch, channels, side, side]);
  const parameters = Object.fromEntries(
    parametersOf(variant, place).map(({ name, shape }) => [
      name,
      g.input(`parameter/${name}`, "float32", shape),
    ]),
  );
  let y = compose(g, x, variant, place, parameters);
  const { scale, shift } = affine(values);
  const perChannel = (numbers: Float32Array) =>
    g.constant(tensor("float32", [1, channels, 1, 1], numbers.subarray(0, channels)));
  y = add(g, mul(g, y, perChannel(scale)), perChannel(shift));
  const out = protocol === "low-resolution" ? small : side;
  if (protocol !== "low-resolution") {
    const a = weights(small, side, protocol);
    const transposed = new Float32Array(a.length);
    for (let r = 0; r < side; r++) {
      for (let c = 0; c < small; c++) transposed[c * side + r] = a[r * small + c];
    }
    const rows = g.constant(tensor("float32", [side, small], a));
    const columns = g.constant(tensor("float32", [small, side], transposed));
    y = g.op("MatMul", [g.op("MatMul", [rows, y]), columns]);
  }
  if (light === "linear") y = linearLight(g, y);
  const target = g.input("target", "float32", [batch, channels, out, out]);
  const difference = sub(g, y, target);
  const loss = reduce(g, "ReduceMean", mul(g, difference, difference), undefined, false);
  const wanted = learned.map((name) => parameters[name]);
  const found = gradients(g, loss, wanted);
  const named = (value: Value, name: string) =>
    g.node("Identity", [value], {}, { outputNames: [name] })[0];
  g.output(named(loss, "loss"), ...found.map((value, i) => named(value, `gradient/${learned[i]}`)));
  return writeModel(g.toModel("fit")) as Uint8Array<ArrayBuffer>;
}

/** A crop as the method sees it, and what the comparison wants of it. */
function example(crop: Picture, kernel: number, { values, protocol, light }: Comparison) {
  const x = toValueRange(crop, values).data;
  if (protocol !== "low-resolution") {
    return { x, target: light === "linear" ? toLinear(crop).data : crop.data };
  }
  const average = areaAverage(toLinear(crop), kernel);
  return { x, target: light === "linear" ? average.data : toSrgb(average).data };
}

/**
 * Fits a variant.
 * @param variant the variant; its phase is taken for inference
 * @param comparison what is to be small
 * @param kernel kernel and stride
 * @param given squares of equal side, a multiple of the kernel, of 3 channels, sRGB values in [0, 1]
 * @param stop asked between steps
 * @returns the parameters, or `undefined` when it was stopped
 */
export async function fit(
  variant: Variant,
  comparison: Comparison,
  kernel: number,
  given: readonly Picture[],
  stop: () => boolean,
): Promise<Fitted | undefined> {
  const { steps, batch: most, crops: count } = scheduleOf(variant.method);
  const crops = given.slice(0, count);
  const side = crops[0].width;
  const place: Place = { kernel, channels: 3, size: [side, side] };
  const inference: Variant = { ...variant, phase: "inference" };
  const parameters = parametersOf(inference, place);
  // Running statistics are measured, not learned.
  const learned = parameters.map(({ name }) => name).filter((name) => !/\brunning_/.test(name));
  const batch = Math.min(most, crops.length);
  const examples = crops.map((crop) => example(crop, kernel, comparison));
  const model = stepModel(inference, comparison, place, batch, learned);
  const session = await createSession(model, { threads: 1, log: () => {} });
  try {
    const initial = initialValues(parameters, 0);
    /** All learned values in one array, and where each parameter begins in it. */
    const starts = new Map<string, number>();
    let length = 0;
    for (const name of learned) {
      starts.set(name, length);
      length += (initial.get(name) as Float64Array).length;
    }
    const start = new Float64Array(length);
    for (const [name, at] of starts) start.set(initial.get(name) as Float64Array, at);
    const valuesIn = (all: Float64Array): Values =>
      new Map(
        [...initial].map(([name, given]) => {
          const at = starts.get(name);
          return [name, at === undefined ? given : all.slice(at, at + given.length)];
        }),
      );
    /** Error and gradient over a batch that begins at a crop. */
    const at = async (all: Float64Array, first: number) => {
      const taken = Array.from({ length: batch }, (_, i) => examples[(first + i) % crops.length]);
      const feeds: Record<string, RunTensor> = {
        x: stacked(taken.map((one) => one.x)),
        target: stacked(taken.map((one) => one.target)),
      };
      const values = valuesIn(all);
      for (const { name, shape } of parameters) {
        const data = Float32Array.from(values.get(name) as Float64Array);
        feeds[`parameter/${name}`] = { dtype: "float32", shape, data };
      }
      const results = await session.run(feeds);
      const gradient = new Float64Array(length);
      for (const [name, place] of starts) {
        gradient.set(results[`gradient/${name}`].data as Float32Array, place);
      }
      return { error: (results.loss.data as Float32Array)[0], gradient };
    };
    /** Over all crops, but for those that fill no batch. */
    const objective: Objective = async (all) => {
      const batches = Math.floor(crops.length / batch);
      let error = 0;
      const gradient = new Float64Array(length);
      for (let i = 0; i < batches; i++) {
        const found = await at(all, i * batch);
        error += found.error / batches;
        for (let k = 0; k < length; k++) gradient[k] += found.gradient[k] / batches;
      }
      return { error, gradient };
    };
    const descended = await lbfgs(objective, start, steps, stop);
    if (descended === undefined) return undefined;
    const { values, before, after } = descended;
    return { values: valuesIn(values), before, after, crops: crops.length };
  } finally {
    await session.dispose();
  }
}

/** Squares of 3 channels as one tensor. */
function stacked(squares: readonly Float32Array[]): RunTensor {
  const { length } = squares[0];
  const data = new Float32Array(squares.length * length);
  squares.forEach((square, i) => {
    data.set(square, i * length);
  });
  const side = Math.round(Math.sqrt(length / 3));
  return { dtype: "float32", shape: [squares.length, 3, side, side], data };
}
