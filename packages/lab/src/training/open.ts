/** Opens what is trained: a network of the catalogue, or an ONNX file. */
import type { ModelFile } from "@softpool/onnx/files";
import type { RunConfig } from "./config.ts";
import { networkTrainee } from "./network.ts";
import type { Trainee } from "./trainee.ts";

/**
 * Opens the network of a run.
 * @param config the settings
 * @param file the ONNX file, which is this run's own from now on; default it is read
 * @throws Failure, one sentence, for what cannot be read, does not fit the data or cannot be trained
 */
export async function openTrainee(config: RunConfig, file?: ModelFile): Promise<Trainee> {
  if (config.file === undefined) return networkTrainee(config);
  const { fileTrainee } = await import("./file/open.ts");
  return fileTrainee(config, file);
}
