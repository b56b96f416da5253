/**
 * Fits the parameters of a method to the squared error of a comparison, by gradient descent through one
 * graph: pooling, reconstruction, light, mean squared error, and its gradients.
 *
 *     L = mean (light(A back(y) B') - target)^2,  y the pooled crops, A and B' the reconstruction
 *
 * A reconstruction is linear along rows and columns: A and B' hold the weights of every output. At low
 * resolution there is none. The optimiser is Adam with a rate that falls along half a cosine; of the
 * parameters at every 20th step, the initial ones among them, those with the least error on all crops are
 * kept. Crops, order and initial values follow from the pictures and a fixed seed.
 *
 * Source: Kingma, Ba: Adam: A method for stochastic optimization, ICLR 2015.
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
import { compose, initialValues, type Place, parametersOf, type Values } from "./graph.ts";
import type { Variant } from "./variant.ts";

/** How a fit is done. */
interface Schedule {
  /** Steps. */
  readonly steps: number;
  /** Crops of a step. */
  readonly batch: number;
  /** The rate at the beginning. */
  readonly rate: number;
}

/** Changes when the same fit would give other parameters, besides by its graph. */
export const FIT_REVISION = "1";

/** Steps between looks at all crops. */
const LOOK = 20;

/** How a method is fitted: large networks in fewer and smaller steps. */
export function scheduleOf(method: string): Schedule {
  if (method === "lip-bottleneck") return { steps: 60, batch: 2, rate: 0.003 };
  return { steps: 200, batch: 8, rate: 0.05 };
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

/** Adam's moments of one parameter. */
class Moments {
  readonly #first: Float64Array;
  readonly #second: Float64Array;

  constructor(length: number) {
    this.#first = new Float64Array(length);
    this.#second = new Float64Array(length);
  }

  /** Moves values along a gradient; `step` counts from 1. */
  move(values: Float64Array, gradient: Float32Array, rate: number, step: number): void {
    const [b1, b2] = [0.9, 0.999];
    const [c1, c2] = [1 - b1 ** step, 1 - b2 ** step];
    for (let i = 0; i < values.length; i++) {
      const g = gradient[i];
      if (!Number.isFinite(g)) continue;
      this.#first[i] = b1 * this.#first[i] + (1 - b1) * g;
      this.#second[i] = b2 * this.#second[i] + (1 - b2) * g * g;
      values[i] -= (rate * (this.#first[i] / c1)) / (Math.sqrt(this.#second[i] / c2) + 1e-12);
    }
  }
}

/**
 * Fits a variant.
 * @param variant the variant; its phase is taken for inference
 * @param comparison what is to be small
 * @param kernel kernel and stride
 * @param crops squares of equal side, a multiple of the kernel, of 3 channels, sRGB values in [0, 1]
 * @param stop asked between steps
 * @returns the parameters, or `undefined` when it was stopped
 */
export async function fit(
  variant: Variant,
  comparison: Comparison,
  kernel: number,
  crops: readonly Picture[],
  stop: () => boolean,
): Promise<Fitted | undefined> {
  const side = crops[0].width;
  const place: Place = { kernel, channels: 3, size: [side, side] };
  const inference: Variant = { ...variant, phase: "inference" };
  const parameters = parametersOf(inference, place);
  // Running statistics are measured, not learned.
  const learned = parameters.map(({ name }) => name).filter((name) => !/\brunning_/.test(name));
  const { steps, rate, batch: most } = scheduleOf(variant.method);
  const batch = Math.min(most, crops.length);
  const examples = crops.map((crop) => example(crop, kernel, comparison));
  const model = stepModel(inference, comparison, place, batch, learned);
  const session = await createSession(model, { threads: 1, log: () => {} });
  try {
    const values = new Map(
      [...initialValues(parameters, 0)].map(([name, value]) => [name, Float64Array.from(value)]),
    );
    const moments = new Map(
      learned.map((name) => [name, new Moments((values.get(name) as Float64Array).length)]),
    );
    const run = async (first: number) => {
      const taken = Array.from({ length: batch }, (_, i) => examples[(first + i) % crops.length]);
      const stack = (part: "x" | "target"): RunTensor => {
        const { length } = taken[0][part];
        const data = new Float32Array(batch * length);
        taken.forEach((one, i) => {
          data.set(one[part], i * length);
        });
        const edge = Math.round(Math.sqrt(length / 3));
        return { dtype: "float32", shape: [batch, 3, edge, edge], data };
      };
      const feeds: Record<string, RunTensor> = { x: stack("x"), target: stack("target") };
      for (const { name, shape } of parameters) {
        const data = Float32Array.from(values.get(name) as Float64Array);
        feeds[`parameter/${name}`] = { dtype: "float32", shape, data };
      }
      return session.run(feeds);
    };
    /** Mean squared error over all crops, but for those that fill no batch. */
    const error = async (): Promise<number> => {
      let sum = 0;
      let batches = 0;
      for (let first = 0; first + batch <= crops.length; first += batch, batches++) {
        const { loss } = await run(first);
        sum += (loss.data as Float32Array)[0];
      }
      return sum / batches;
    };
    const copy = () => new Map([...values].map(([name, value]) => [name, value.slice()]));
    const before = await error();
    let best = { error: before, values: copy() };
    for (let step = 1; step <= steps; step++) {
      if (stop()) return undefined;
      const results = await run((step - 1) * batch);
      const falling = (rate * (1 + Math.cos((Math.PI * (step - 1)) / steps))) / 2;
      for (const name of learned) {
        const gradient = results[`gradient/${name}`].data as Float32Array;
        moments.get(name)?.move(values.get(name) as Float64Array, gradient, falling, step);
      }
      if (step % LOOK !== 0 && step !== steps) continue;
      const now = await error();
      if (now < best.error) best = { error: now, values: copy() };
    }
    return { values: best.values, before, after: best.error, crops: crops.length };
  } finally {
    await session.dispose();
  }
}
