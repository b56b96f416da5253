/** What a model is that was opened for evaluation, and how it is opened. */
import { OnnxError } from "@softpool/onnx";
import type { Session, SessionOptions } from "@softpool/onnx/session-node";
import type { Channels } from "../data/transforms.ts";
import { Failure } from "../errors.ts";
import type { ScoreKind } from "./rank.ts";
import type { Substituted } from "./substitute.ts";

/** How a model is opened. */
export interface OpenModelOptions {
  /** What pools where; default what the model has. */
  readonly pool?: string;
  /** A safetensors file for a network of the catalogue; default initial values. */
  readonly weights?: string;
  /** Height and width of pictures, where the model leaves them open; default what it was made for. */
  readonly size?: number;
  /** Whether a network of the catalogue maps pictures to [-1, 1] first; default false. */
  readonly remap?: boolean;
  /** Number of classes of the data. */
  readonly classes: number;
  /** Where and with how many threads it runs. */
  readonly session: SessionOptions;
}

/** A model that is ready for evaluation. */
export interface OpenedModel {
  /** The model in messages. */
  readonly title: string;
  /** The network of the catalogue that it is, as far as that is known. */
  readonly network: string | undefined;
  /** What pooled where when it was made; undefined where that is not known. */
  readonly pool: string | undefined;
  /** Runs it; disposed by whoever opened it. */
  readonly session: Session;
  /** Height and width of its pictures. */
  readonly size: number;
  /** Their planes: 3 for colours, 1 for greyscale. */
  readonly channels: Channels;
  /** What its scores are. */
  readonly scores: ScoreKind;
  /** What was substituted in a file. */
  readonly substituted: Substituted | undefined;
  /** What should be known, as sentences. */
  readonly notes: readonly string[];
}

/**
 * Runs what fails because of a file or of the runtime.
 * @throws Failure with the sentence of an error of theirs
 */
export async function failing<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof OnnxError ? new Failure(error.message) : error;
  }
}
