/**
 * What is trained, wherever it comes from: a graph with the tensors that it learns, and what is made of
 * it afterwards. `network.ts` makes one of a network of the catalogue, `file/open.ts` of an ONNX file.
 */
import type { ModelProto } from "@softpool/onnx";
import type { FileTensor } from "@softpool/zoo";
import type { ScoreKind } from "../evaluation/rank.ts";
import type { State } from "./checkpoint.ts";
import type { StepSource } from "./step.ts";

/** A running statistic of batch normalization. */
export interface Statistic {
  /** The tensor. */
  readonly name: string;
  /** The value of the graph with the statistic of the batch; a variance has the divisor M. */
  readonly next: string;
  /** How many numbers of a picture each of its elements is taken over. */
  readonly perSample: number;
  /** Whether it is a variance. */
  readonly variance: boolean;
  /** Share of the old statistic in the next one. */
  readonly keep: number;
}

/** An input for uniform numbers in [0, 1). */
export interface NoiseInput {
  /** Its name. */
  readonly name: string;
  /** Its shape. */
  readonly shape: readonly number[];
}

/** A network to be trained. */
export interface Trainee extends StepSource {
  /** What it is, in messages. */
  readonly title: string;
  /** Running statistics that move; empty where they are frozen. */
  readonly statistics: readonly Statistic[];
  /** Inputs that are filled anew for every batch. */
  readonly noise: readonly NoiseInput[];
  /** The tensors with their values before training, by name: those of a weight file. */
  readonly initial: ReadonlyMap<string, FileTensor>;
  /** Names of the tensors that weights.safetensors gets. */
  readonly stored: readonly string[];
  /** What the finished model's first output holds. */
  readonly scoreKind: ScoreKind;
  /** What should be known, as sentences. */
  readonly notes: readonly string[];
  /**
   * The model for inference.
   * @param state the learned tensors; what it lacks keeps its initial values
   */
  finished(state: Readonly<State>): ModelProto;
}
