/** What a network of the catalogue is, and what building one gives. */
import type { ModelProto, PoolWindow, Shape, Value } from "@softpool/onnx";
import type { Context, Method, PaddingMode } from "@softpool/poolings";
import type { Builder } from "./builder.ts";
import type { Initial, Initialisation } from "./initial.ts";

/** A place of a network where something is pooled. */
export interface Place {
  /** Its name: that of the module in torchvision where there is one, as `maxpool`. */
  readonly name: string;
  /** What pools there originally; `subsample` takes one tap of every window. */
  readonly kind: "maximum" | "average" | "subsample";
  /** Its window; `undefined` for everything. */
  readonly window: PoolWindow | undefined;
  /** Whether an average counts padded taps as zeros. */
  readonly counted: boolean;
  /**
   * `trunk` places are meant by a method without a place; `global` ones before a classifier and those of
   * `auxiliary` heads only where a pattern names them.
   */
  readonly group: "trunk" | "global" | "auxiliary";
  /** Shape of what is pooled. */
  readonly input: Shape;
  /** Shape of the result. */
  readonly output: Shape;
}

/** What pools in a place. */
export interface PoolChoice {
  /** The method; `undefined` leaves what is there originally. */
  readonly method: Method | undefined;
  /** Its settings, defaults filled in. */
  readonly settings: Context["settings"];
  /** `same` keeps the place's window, `2x2` makes it 2 wide without padding where no shape changes. */
  readonly kernel: "same" | "2x2";
  /** Padded taps. */
  readonly paddingMode: PaddingMode;
}

/** A place of a network that was built, with what pools there. */
export interface PlacedPooling extends Place {
  /** What pools there. */
  readonly choice: PoolChoice;
  /** Name of the value that is pooled. */
  readonly inputName: string;
  /** Name of the result. */
  readonly outputName: string;
}

/** A stored tensor of a network. */
export interface StoredParameter {
  /** Its name in the graph and in weight files. */
  readonly name: string;
  /** Its shape. */
  readonly shape: readonly number[];
  /** What it begins with; `undefined` for those of pooling methods, which say that themselves. */
  readonly initial: Initial | undefined;
  /** Whether it is learned; running statistics are not. */
  readonly trainable: boolean;
  /** Whether weight decay applies: not to running statistics nor, as a rule, to poolings. */
  readonly decay: boolean;
  /** The place whose pooling it belongs to, or `undefined`. */
  readonly place: string | undefined;
}

/** A running statistic of a graph for training. */
export interface RunningStatistic {
  /** The stored tensor. */
  readonly name: string;
  /** The output of the graph with its next value; a variance is that of the population (divisor M). */
  readonly next: string;
  /** How many numbers of a sample each of its elements is taken over. */
  readonly perSample: number;
}

/** An input of a graph for training that the host fills with uniform numbers in [0, 1). */
export interface NoiseInput {
  /** Its name. */
  readonly name: string;
  /** Its shape; `"batch"` where the batch size stands. */
  readonly shape: Shape;
}

/** A pooling specification with a name, as the paper has it. */
export interface Variant {
  /** Its name, `soft-1`. */
  readonly name: string;
  /** The specification that it stands for. */
  readonly pool: string;
  /** What it is, in one line. */
  readonly summary: string;
}

/** The results of a network. */
export interface Outputs {
  /** Scores of the classes, `[N, classes]`. */
  readonly logits: Value;
  /** Those of the auxiliary heads, where they were asked for. */
  readonly auxiliary?: readonly Value[];
}

/** A network of the catalogue. */
export interface NetworkEntry {
  /** Its name in every option, command and table. */
  readonly name: string;
  /** Other names. Case, `-` and `_` do not matter in any name. */
  readonly aliases: readonly string[];
  /** Where it comes from. */
  readonly source: string;
  /** Height and width of its pictures, which have three channels. */
  readonly size: number;
  /** How many classes it tells apart unless it is asked for others. */
  readonly classes: number;
  /** Whether it has auxiliary heads for training. */
  readonly auxiliary: boolean;
  /** Beginnings of names whose tensors depend on the number of classes. */
  readonly head: readonly string[];
  /** Pooling specifications by name. */
  readonly variants: readonly Variant[];
  /** Whether published weights expect inputs in [-1, 1] instead of normalised by channel. */
  readonly remapped: boolean;
  /** Epsilon of its batch normalizations. */
  readonly epsilon: number;
  /** What its weights begin with. */
  readonly initial: Initialisation;
  /**
   * Builds it.
   * @param b the builder
   * @param x the pictures `[N, 3, H, W]`
   */
  layers(b: Builder, x: Value): Outputs;
}

/** A network that was built. */
export interface Network {
  /** What it is. */
  readonly entry: NetworkEntry;
  /** Its graph: input `input`, first output `logits`. */
  readonly model: ModelProto;
  /** Every stored tensor, in the order of the graph. */
  readonly parameters: readonly StoredParameter[];
  /** Every pooling place, in the order of the graph. */
  readonly places: readonly PlacedPooling[];
  /** Running statistics of a graph for training; empty otherwise. */
  readonly statistics: readonly RunningStatistic[];
  /** Noise inputs of a graph for training; empty otherwise. */
  readonly noise: readonly NoiseInput[];
}
