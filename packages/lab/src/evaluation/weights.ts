/** Weight files: a safetensors file, or the directory of a training run, which has one. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type FileTensor, readSafetensors } from "@softpool/zoo";
import { explain, Failure, quote } from "../errors.ts";
import { isDirectory } from "../paths.ts";
import { failing } from "./model.ts";

/** Put before the names of a checkpoint's tensors that are no weights. */
const VELOCITY = "velocity/";

/**
 * The file that a path means: in the directory of a run that ended `weights.safetensors`, before that the
 * tensors of its checkpoint.
 * @throws Failure for a directory without either
 */
export function weightPath(path: string): string {
  if (!isDirectory(path)) return path;
  const weights = join(path, "weights.safetensors");
  if (existsSync(weights)) return weights;
  try {
    const info: unknown = JSON.parse(readFileSync(join(path, "checkpoint.json"), "utf8"));
    const { tensors } = info as { tensors?: unknown };
    if (typeof tensors === "string") return join(path, tensors);
  } catch {
    // Said below.
  }
  throw new Failure(
    `${quote(path)} is a directory without weights: expected a safetensors file, or the directory of a training run`,
  );
}

/**
 * Reads weights. The velocities of a checkpoint are left out.
 * @param path a safetensors file, or the directory of a training run
 * @throws Failure when it cannot be read or is none
 */
export async function readWeights(path: string): Promise<Map<string, FileTensor>> {
  const file = weightPath(path);
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = new Uint8Array(readFileSync(file));
  } catch (error) {
    throw explain("read", file, error);
  }
  const { tensors } = await failing(() => readSafetensors(bytes, quote(file)));
  return new Map([...tensors].filter(([name]) => !name.startsWith(VELOCITY)));
}
