/** The pictures held out: how a network that is being trained does on them. */
import { writeModel } from "@softpool/onnx";
import { createSession } from "@softpool/onnx/session-node";
import type { Dataset } from "../data/dataset.ts";
import { Loader } from "../data/loader.ts";
import { evaluationTransform, type Statistics } from "../data/transforms.ts";
import { type Evaluation, evaluateModel } from "../evaluation/evaluate.ts";
import type { State } from "./checkpoint.ts";
import type { RunConfig } from "./config.ts";
import type { Trainee } from "./trainee.ts";

/** Pictures that run at once, where the model leaves that open. */
const BATCH = 100;

/** Mean and deviation alone. */
const pick = ({ mean, std }: Statistics): Statistics => ({ mean, std });

/**
 * Evaluates the model that a state makes, as `softpool eval` does the file in the end.
 * @param trainee the network
 * @param state its tensors
 * @param config size, classes, provider, threads
 * @param test the pictures
 * @param stop asked before each batch; true ends it
 * @returns what was counted; `undefined` when it was stopped
 */
export async function evaluateHeldOut(
  trainee: Trainee,
  state: State,
  config: RunConfig,
  test: Dataset,
  stop?: () => boolean,
): Promise<Evaluation | undefined> {
  const { classes, size, transform, provider, threads } = config;
  const model = writeModel(trainee.finished(state));
  const session = await createSession(model, { provider, threads });
  const loader = new Loader(test, {
    batch: BATCH,
    transform: evaluationTransform(size, transform && pick(transform), transform?.channels),
    shuffle: false,
    broken: "leave-out",
  });
  try {
    const found = await evaluateModel(session, loader.batches(), {
      ...{ classes, title: trainee.title, scores: trainee.scoreKind },
      stop,
    });
    return stop?.() === true ? undefined : found;
  } finally {
    await loader.close();
    await session.dispose();
  }
}
