/** The state of a run: learned tensors, running statistics, velocities; how it begins and goes on. */
import { elements } from "@softpool/onnx";
import type { RunTensor } from "@softpool/onnx/session-node";
import type { FileTensor } from "@softpool/zoo";
import { Failure, quote } from "../errors.ts";
import type { State } from "./checkpoint.ts";
import type { StateTensor } from "./step.ts";
import type { Trainee } from "./trainee.ts";

/**
 * The state before the first step: weights from their initial values, velocities 0.
 * @throws Failure when the network has no values for a weight
 */
export function initialState(
  { initial }: Pick<Trainee, "initial">,
  weights: readonly StateTensor[],
  velocities: readonly StateTensor[],
): State {
  const state: State = {};
  for (const { name, shape } of weights) {
    const bytes = initial.get(name)?.bytes;
    if (bytes === undefined) throw new Failure(`the network has no tensor ${quote(name)}`);
    // A copy: what a file gave may be a view of all its bytes.
    state[name] = { dtype: "float32", shape, data: new Float32Array(new Uint8Array(bytes).buffer) };
  }
  return { ...state, ...zeros(velocities) };
}

/** Zeros of the shapes of tensors. */
export function zeros(tensors: readonly StateTensor[]): State {
  return Object.fromEntries(
    tensors.map(({ name, shape }) => [
      name,
      { dtype: "float32", shape, data: new Float32Array(elements(shape)) },
    ]),
  );
}

/** What went out comes in next, under its names there. */
export function renamed(
  tensors: readonly StateTensor[],
  outputs: Readonly<Record<string, RunTensor>>,
): State {
  return Object.fromEntries(tensors.map(({ name, next }) => [name, outputs[next]]));
}

/**
 * The running statistics after a batch: they move part of the way to its own. A variance is that of a
 * sample, with divisor M - 1, as PyTorch has it.
 * @param trainee the network
 * @param before the state before the batch
 * @param outputs the results of the graph
 * @param batch pictures of the batch
 */
export function movedStatistics(
  { statistics }: Pick<Trainee, "statistics">,
  before: Readonly<State>,
  outputs: Readonly<Record<string, RunTensor>>,
  batch: number,
): State {
  return Object.fromEntries(
    statistics.map(({ name, next, perSample, variance, keep }) => {
      const count = batch * perSample;
      const scale = variance ? count / Math.max(1, count - 1) : 1;
      const [old, own] = [before[name].data, outputs[next].data] as [Float32Array, Float32Array];
      const data = own.map((value, i) => keep * old[i] + (1 - keep) * scale * value);
      return [name, { ...outputs[next], data }];
    }),
  );
}

/** The tensors of a state, running statistics too, as a weight file has them. */
export function weightFile(
  { initial, stored }: Pick<Trainee, "initial" | "stored">,
  state: Readonly<State>,
): Map<string, FileTensor> {
  return new Map(
    stored.map((name) => {
      const now = state[name];
      if (now === undefined) return [name, initial.get(name) as FileTensor];
      const floats = now.data as Float32Array<ArrayBuffer>;
      return [
        name,
        { dtype: "F32", shape: now.shape, bytes: new Uint8Array(floats.slice().buffer) },
      ];
    }),
  );
}
