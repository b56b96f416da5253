/** An ONNX file as what is trained. */
import type { RunConfig } from "../config.ts";
import type { Trainee } from "../trainee.ts";

/** Makes a file ready for training. */
export async function fileTrainee(config: RunConfig): Promise<Trainee> {
  throw new Error(config.network);
}
