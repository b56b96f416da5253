/** The settings of a run: all that its result depends on. They stand in its checkpoints. */
import type { Provider } from "@softpool/onnx/session-node";
import type { Transform } from "../data/transforms.ts";
import type { Schedule } from "./schedule.ts";
import type { StepOptions } from "./step.ts";

/** What batch normalization does in training: `train` takes the statistics of the batch, `frozen` keeps the running ones. */
export type BatchNorm = "train" | "frozen";

/** The settings of a run. */
export interface RunConfig extends StepOptions {
  /** A network of the catalogue by name, or the path of an ONNX file. */
  readonly network: string;
  /** SHA-256 of the ONNX file, in hexadecimal; `undefined` for a network of the catalogue. */
  readonly file?: string;
  /** What pools where; default what is there originally. */
  readonly pool?: string;
  /** SoftPool's gradient; default as `pool` says: `exact`. */
  readonly softpoolGradient?: "exact" | "weights";
  /** Path of a safetensors file to start from, for a network of the catalogue; default initial values. */
  readonly weights?: string;
  /** SHA-256 of that file, in hexadecimal. */
  readonly weightsDigest?: string;
  /** Factor on the learning rate of everything but the classifier and what poolings learn; default 1, 0 leaves it as it is. */
  readonly backboneRate?: number;
  /** Batch normalization; default `train` for networks of the catalogue, `frozen` for files. */
  readonly batchNorm?: BatchNorm;
  /** Whether auxiliary heads take part; default false. */
  readonly heads?: boolean;
  /** Whether pictures are mapped to [-1, 1] first; default false. */
  readonly remap?: boolean;
  /** Height and width of the pictures. */
  readonly size: number;
  /** What is done to a picture; default the usual transform of the size. */
  readonly transform?: Transform;
  /** Number of classes. */
  readonly classes: number;
  /** Seed of everything. */
  readonly seed: number;
  /** Pictures that run at once. */
  readonly batch: number;
  /** Batches whose gradients are averaged for an update; default 1. */
  readonly accumulate?: number;
  /** Epochs. */
  readonly epochs: number;
  /** The learning rate. */
  readonly schedule: Schedule;
  /** Where it runs. */
  readonly provider: Provider;
  /** Threads of ONNX Runtime. */
  readonly threads: number;
  /** What the data are, for the record. */
  readonly data: string;
  /** Path of the class list that fixes the numbers of their classes; default their order. */
  readonly classList?: string;
  /** SHA-256 of the names of the classes by number, in hexadecimal; older records have none. */
  readonly classDigest?: string;
  /** How many pictures they are to learn from, for the record. */
  readonly pictures?: number;
}
