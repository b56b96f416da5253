/**
 * Checkpoints of a run: the tensors in a safetensors file, the rest in `checkpoint.json`, which names that
 * file and its SHA-256. Both are written under other names and renamed, the JSON last, so that at every moment there is a
 * whole checkpoint: a process may be killed whenever it is.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { elements, OnnxError } from "@softpool/onnx";
import type { RunTensor } from "@softpool/onnx/session-node";
import { type FileTensor, readSafetensors, writeSafetensors } from "@softpool/zoo";
import { explain, Failure, quote } from "../errors.ts";
import { saveText, writeWhole } from "../paths.ts";
import type { StateTensor } from "./step.ts";

/** The version of the format. */
const VERSION = 2;

/** Where a run is. */
export interface Position {
  /** The epoch of the next step, from 0. */
  readonly epoch: number;
  /** The next step in that epoch, from 0; as many as it has when its pictures held out are not evaluated. */
  readonly step: number;
  /** Bytes of the metrics file that belong to what was done. */
  readonly metrics: number;
  /** What the steps of the epoch so far add up to. */
  readonly sums: Sums;
}

/** Sums over steps. */
export interface Sums {
  /** Losses. */
  readonly loss: number;
  /** Pictures that were right. */
  readonly correct: number;
  /** Steps. */
  readonly steps: number;
  /** Seconds. */
  readonly seconds: number;
}

/** What a checkpoint holds besides tensors. */
export interface CheckpointInfo extends Position {
  /** Version of the format. */
  readonly version: number;
  /** The tensors' file, in the same directory. */
  readonly tensors: string;
  /** SHA-256 of that file, in hexadecimal. */
  readonly digest: string;
  /** Command, versions and machine that the run was begun or went on with. */
  readonly origin?: Readonly<Record<string, string>>;
  /** The settings of the run; another run cannot go on from here. */
  readonly config: Readonly<Record<string, unknown>>;
}

const INFO = "checkpoint.json";

/** State by name. */
export type State = Record<string, RunTensor>;

/** Whether a directory has a checkpoint. */
export function hasCheckpoint(folder: string): boolean {
  return existsSync(join(folder, INFO));
}

/** SHA-256 of bytes, in hexadecimal. */
export function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/**
 * Writes a checkpoint and removes the ones before it.
 * @param folder the directory of the run
 * @param state the tensors
 * @param position where the run is
 * @param about its settings, and where it comes from
 * @throws Failure when it cannot be written; the one before it stays
 */
export async function saveCheckpoint(
  folder: string,
  state: Readonly<State>,
  position: Position,
  about: Pick<CheckpointInfo, "config" | "origin">,
): Promise<void> {
  const { epoch, step } = position;
  const tensors = `checkpoint-${epoch}-${step}.safetensors`;
  const named = new Map(
    Object.entries(state).map(([name, { shape, data }]): [string, FileTensor] => {
      const floats = data as Float32Array<ArrayBuffer>;
      const bytes = new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);
      return [name, { dtype: "F32", shape, bytes }];
    }),
  );
  const bytes = writeSafetensors(named);
  await writeWhole(join(folder, tensors), (file) => writeFileSync(file, bytes));
  const digest = digestOf(bytes);
  const info: CheckpointInfo = { version: VERSION, ...position, tensors, digest, ...about };
  await saveText(join(folder, INFO), `${JSON.stringify(info, null, 2)}\n`);
  for (const name of readdirSync(folder)) {
    if (!/^checkpoint-\d+-\d+\.safetensors$/.test(name) || name === tensors) continue;
    try {
      rmSync(join(folder, name), { force: true });
    } catch {
      // An old one that stays costs space and nothing else.
    }
  }
}

/**
 * Reads what a checkpoint says, without its tensors.
 * @param folder the directory of the run
 * @throws Failure when there is none, or it is damaged or of another version
 */
export function readCheckpoint(folder: string): CheckpointInfo {
  const path = join(folder, INFO);
  let info: Partial<CheckpointInfo> | null;
  try {
    info = JSON.parse(readFileSync(path, "utf8")) as Partial<CheckpointInfo> | null;
  } catch (error) {
    if (error instanceof SyntaxError) throw new Failure(`${quote(path)} is damaged: it is no JSON`);
    throw explain("read", path, error);
  }
  if (info?.version !== VERSION) {
    throw new Failure(`${quote(path)} is no checkpoint of this version of softpool`);
  }
  const { epoch, step, metrics, sums, tensors, digest, config } = info;
  const whole = [epoch, step, metrics].every(
    (value) => Number.isSafeInteger(value) && (value as number) >= 0,
  );
  const { loss, correct, steps, seconds } = sums ?? ({} as Partial<Sums>);
  const summed = [loss, correct, steps, seconds].every(Number.isFinite);
  const text = typeof tensors === "string" && typeof digest === "string" && !/[\\/]/.test(tensors);
  if (!whole || !summed || !text || typeof config !== "object" || config === null) {
    throw new Failure(`${quote(path)} is damaged: it does not say where the run is`);
  }
  return info as CheckpointInfo;
}

/**
 * Reads a checkpoint.
 * @param folder the directory of the run
 * @param expected the tensors that the state must have
 * @throws Failure when there is none, or it is not one of this run
 */
export function loadCheckpoint(
  folder: string,
  expected: readonly StateTensor[],
): { info: CheckpointInfo; state: State } {
  const info = readCheckpoint(folder);
  const file = join(folder, info.tensors);
  let tensors: Map<string, FileTensor>;
  try {
    const bytes = new Uint8Array(readFileSync(file));
    if (digestOf(bytes) !== info.digest) {
      throw new Failure(
        `${quote(file)} is damaged: it is not what the checkpoint was written with`,
      );
    }
    tensors = readSafetensors(bytes, quote(file)).tensors;
  } catch (error) {
    if (error instanceof Failure) throw error;
    if (error instanceof OnnxError) throw new Failure(error.message);
    throw explain("read", file, error);
  }
  const state: State = {};
  for (const { name, shape } of expected) {
    const found = tensors.get(name);
    if (found?.dtype !== "F32" || String(found.shape) !== String(shape)) {
      throw new Failure(
        `${quote(file)}: expected the tensor ${quote(name)} [${shape.join(", ")}], it is of another network`,
      );
    }
    const data = new Float32Array(elements(shape));
    new Uint8Array(data.buffer).set(found.bytes);
    state[name] = { dtype: "float32", shape, data };
  }
  return { info, state };
}
