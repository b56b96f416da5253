/** Where a run begins: with initial values, or with the checkpoint of its directory. */
import { existsSync, truncateSync, writeFileSync } from "node:fs";
import { explain, Failure, quote } from "../errors.ts";
import {
  hasCheckpoint,
  loadCheckpoint,
  type Position,
  readCheckpoint,
  type State,
} from "./checkpoint.ts";
import type { RunConfig } from "./config.ts";
import { metricsFile } from "./output.ts";
import { initialState } from "./state.ts";
import type { Stepper } from "./stepper.ts";
import type { Trainee } from "./trainee.ts";

/** Where a run is, with its state. */
export interface Progress extends Position {
  /** The tensors. */
  readonly state: State;
  /** Whether nothing was done yet. */
  readonly fresh: boolean;
}

/**
 * Compares the settings of a run with those of the checkpoint in its directory.
 * @param config the settings
 * @param folder the directory; one without a checkpoint is that of no other run
 * @throws Failure when the checkpoint is of a run with other settings, or damaged
 */
export function expectSameRun(config: RunConfig, folder: string): void {
  if (!hasCheckpoint(folder)) return;
  const { config: before } = readCheckpoint(folder);
  const now = JSON.parse(JSON.stringify(config));
  if (before.classDigest === undefined) delete now.classDigest;
  const found = firstDifference("", before, now);
  if (found === undefined) return;
  const [name, was, is] = found;
  // Numbers that nobody can read.
  if (name === "file" || name === "weightsDigest") {
    const path = name === "file" ? config.network : (config.weights ?? "weights");
    const whole = name === "file" ? ", or a file with its external data," : "";
    throw new Failure(
      `${quote(path)}${whole} is not what it was when the run began: --resume needs the same, another directory begins anew`,
    );
  }
  if (name === "classDigest") {
    throw new Failure(
      "the classes of the data have other names or numbers than when the run began: --resume needs the same, another directory begins anew",
    );
  }
  const what = ["classes", "pictures", "epochs"].includes(name) ? `number of ${name}` : name;
  throw new Failure(
    `the checkpoint is of a run with another ${what}: ${was} then, ${is} now; another directory begins anew`,
  );
}

/** Where two JSON values differ first, and what stands there in both. */
function firstDifference(
  name: string,
  a: unknown,
  b: unknown,
): readonly [name: string, a: string, b: string] | undefined {
  const isObject = (value: unknown): value is Record<string, unknown> =>
    typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isObject(a) || !isObject(b)) {
    const [one, other] = [a, b].map((value) => JSON.stringify(value) ?? "none");
    return one === other ? undefined : [name, one, other];
  }
  for (const key of new Set([...Object.keys(b), ...Object.keys(a)])) {
    const found = firstDifference(name === "" ? key : `${name}.${key}`, a[key], b[key]);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * The beginning of a run; its metrics file is made, or cut to what the checkpoint knows.
 * @param config the settings
 * @param trainee the network
 * @param stepper what is learned
 * @param options the directory, and whether to go on
 * @throws Failure for a checkpoint of another run or a damaged one, or files that cannot be written
 */
export function beginRun(
  config: RunConfig,
  trainee: Trainee,
  { weights, velocities }: Pick<Stepper, "weights" | "velocities">,
  { folder, resume }: { readonly folder: string; readonly resume: boolean },
): Progress {
  const metrics = metricsFile(folder);
  const fresh = !(resume && hasCheckpoint(folder));
  let begin: Omit<Progress, "fresh">;
  if (fresh) {
    const state = initialState(trainee, weights, velocities);
    const sums = { loss: 0, correct: 0, steps: 0, seconds: 0 };
    begin = { state, epoch: 0, step: 0, metrics: 0, sums };
  } else {
    expectSameRun(config, folder);
    const { info, state } = loadCheckpoint(folder, [...weights, ...velocities]);
    begin = { ...info, state };
  }
  try {
    if (fresh || !existsSync(metrics)) writeFileSync(metrics, "");
    else truncateSync(metrics, begin.metrics);
  } catch (error) {
    throw explain("write", metrics, error);
  }
  return { ...begin, fresh };
}
