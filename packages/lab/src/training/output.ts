/** What a run leaves in its directory besides checkpoints: metrics, report, the trained network. */
import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeModel } from "@softpool/onnx";
import { writeSafetensors } from "@softpool/zoo";
import { explain, plain } from "../errors.ts";
import { failing } from "../evaluation/model.ts";
import { saveText, writeWhole } from "../paths.ts";
import type { State } from "./checkpoint.ts";
import { weightFile } from "./state.ts";
import type { Trainee } from "./trainee.ts";

/** The metrics file of a directory: a line of JSON for every epoch. */
export function metricsFile(folder: string): string {
  return join(folder, "metrics.jsonl");
}

/**
 * Appends a line to the metrics.
 * @returns how many bytes it took
 * @throws Failure when it cannot be written
 */
export function appendLine(folder: string, text: string): number {
  const line = `${text}\n`;
  try {
    appendFileSync(metricsFile(folder), line);
  } catch (error) {
    throw explain("write", metricsFile(folder), error);
  }
  return Buffer.byteLength(line);
}

/**
 * Writes the trained network, `model.onnx`, and its tensors, `weights.safetensors`.
 * @param folder the directory of the run
 * @param trainee the network
 * @param state its tensors
 * @throws Failure when they cannot be written
 */
export async function writeResults(
  folder: string,
  trainee: Trainee,
  state: Readonly<State>,
): Promise<void> {
  const weights = writeSafetensors(weightFile(trainee, state));
  await writeWhole(join(folder, "weights.safetensors"), (file) => writeFileSync(file, weights));
  const bytes = await failing(() => writeModel(trainee.finished(state)));
  await writeWhole(join(folder, "model.onnx"), (file) => writeFileSync(file, bytes));
}

/**
 * Writes `report.html`. A report that cannot be rendered does not end a training: it is told of.
 * @param folder the directory of the run
 * @param onNote told what went wrong
 * @throws Failure when it cannot be written
 */
export async function writeReport(folder: string, onNote: (note: string) => void): Promise<void> {
  let text: string;
  try {
    text = (await import("./report.ts")).renderRun(folder);
  } catch (error) {
    onNote(`there is no report: ${plain(String((error as Error)?.message ?? error))}`);
    return;
  }
  await saveText(join(folder, "report.html"), text);
}
