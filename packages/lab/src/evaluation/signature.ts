/** What a classifier takes and gives, as its session declares it. */
import { type Dim, formatShape } from "@softpool/onnx";
import type { Session } from "@softpool/onnx/session-node";
import type { Channels } from "../data/transforms.ts";
import { Failure, quote } from "../errors.ts";

/** A classifier's input and output. */
export interface Signature {
  /** Name of the input `[N, C, H, W]`. */
  readonly input: string;
  /** Its type: float32, or float16. */
  readonly dtype: "float32" | "float16";
  /** C: 3 for colours, which is also taken where it is open, or 1 for greyscale. */
  readonly channels: Channels;
  /** N; undefined where any number of pictures fits. */
  readonly batch: number | undefined;
  /** H; undefined where it is open. */
  readonly height: number | undefined;
  /** W; undefined where it is open. */
  readonly width: number | undefined;
  /** Name of the first output, the scores `[N, classes]`. */
  readonly output: string;
  /** How many classes; undefined where the model does not declare it. */
  readonly classes: number | undefined;
}

const known = (dim: Dim | undefined): number | undefined =>
  typeof dim === "number" ? dim : undefined;

/**
 * The input and the output of a session that classifies pictures.
 * @param session the session
 * @param title the model, for messages
 * @param fed names of inputs that are fed besides the pictures; default none
 * @throws Failure when it does not take pictures alone, or gives no scores of classes
 */
export function signatureOf(
  session: Pick<Session, "inputs" | "outputs">,
  title: string,
  fed: Iterable<string> = [],
): Signature {
  const others = new Set(fed);
  const open = session.inputs.filter(({ name }) => !others.has(name));
  if (open.length !== 1) {
    const names = open.map(({ name }) => quote(name)).join(", ") || "none";
    throw new Failure(`${title}: expected one input, the pictures, received ${names}`);
  }
  const [{ name: input, dtype, shape }] = open;
  const channels = known(shape?.[1]) ?? 3;
  const single = dtype === "float32" || dtype === "float16";
  if (!single || shape?.length !== 4 || (channels !== 3 && channels !== 1)) {
    throw new Failure(
      `${title}: input ${quote(input)}: expected float32 or float16 pictures [N, 3, H, W] or [N, 1, H, W], ` +
        `received ${dtype ?? "no tensor"} ${formatShape(shape)}`,
    );
  }
  const [first] = session.outputs;
  const scores = first?.shape;
  // Sizes of 1 behind the classes are what a global pooling leaves.
  const flat = scores === undefined || (scores.length >= 2 && scores.slice(2).every(isOne));
  if (first === undefined || !flat || !/^float(16|32|64)$/.test(first.dtype ?? "")) {
    throw new Failure(
      `${title}: expected the scores of classes [N, classes] as the first output, ` +
        `received ${first === undefined ? "none" : `${quote(first.name)}, ${first.dtype ?? "no tensor"} ${formatShape(scores)}`}`,
    );
  }
  return {
    ...{ input, dtype, channels },
    batch: known(shape[0]),
    height: known(shape[2]),
    width: known(shape[3]),
    output: first.name,
    classes: known(scores?.[1]),
  };
}

/** What is not known may be 1. */
const isOne = (dim: Dim): boolean => typeof dim !== "number" || dim === 1;

/**
 * Refuses a model that does not tell as many classes apart as the data has.
 * @param title the model, for messages
 * @param classes how many it tells apart; undefined for not known yet
 * @param wanted how many the data has
 * @throws Failure with both numbers
 */
export function expectClasses(title: string, classes: number | undefined, wanted: number): void {
  if (classes === undefined || classes === wanted) return;
  throw new Failure(
    `${title} tells ${classes} classes apart, but the data has ${wanted}: ` +
      `give their numbers with a list of all ${classes} classes (--class-list), or another model`,
  );
}
