/** The flags of `npm run bench -- ...`. */
import { WORKLOADS } from "./workloads.js";

/**
 * What to do.
 * @typedef {object} Flags
 * @property {number} rounds rounds to run
 * @property {string[]} only letters of the workloads
 * @property {boolean} swap whether networks are measured before and after the swap
 * @property {boolean} train whether training steps are measured
 * @property {boolean} similarity whether the study of similarity is measured
 * @property {boolean} full whether that has a hundred pictures
 * @property {boolean} quick a short look instead of a measurement
 * @property {import("./variants.js").DType} dtype what is compared
 * @property {boolean} readme print Markdown
 * @property {string | null} from saved results to print instead of measuring
 */

export const HELP = `npm run bench -- [flags]

Times this project's soft, average and maximum pooling, forward and backward, beside reading and copying
memory, onnxruntime-node and PyTorch; then networks with their pooling swapped for SoftPool beside what they
were, and steps of training beside PyTorch's. Prints medians, quartiles, raw rounds and ratios.

  --rounds N         rounds, each variant once in a fresh process, order reversed every round (5)
  --only A,swap      workloads, the swap, training and the study of similarity (A,B,C,D,E,swap,train,
                     similarity); without it, all but the study
  --full             the study with a hundred pictures instead of six
  --quick            2 rounds of A and B (or of --only) with short timings: a look, no measurement
  --dtype float16    this project in float16 beside itself in float32
  --readme           print the tables as Markdown
  --from FILE        print saved results instead of measuring
  --help             this text

A  halving [8, 64, 224, 224]; B  3x3, stride 2, padding 1 of [8, 64, 112, 112]; C, D  the same, channels
last; E  halving [2, 64, 16, 56, 56]. swap  ResNet-18 and ResNet-50 of 224x224 pictures, batch 1 and 8, and
their pooling layer alone, on ONNX Runtime's CPU provider with two threads. train  a step of SGD of ResNet-20
(32x32, batch 128), ResNet-18 and 50 (224x224, batch 8) and vgg-small (32x32, batch 64) with maximum, average
and soft pooling, on ONNX Runtime's CPU provider and in PyTorch, two threads; of a missed target the profile.
similarity  softpool study similarity of pictures of a megapixel (7 methods, 3 kernels, 2 protocols) beside the
same work in Python, two processes; of a missed target the profile.
`;

/** What `--only` calls the networks' parts, in capitals. */
const SWAP = "SWAP";
const TRAIN = "TRAIN";
const SIMILARITY = "SIMILARITY";

/** A flag that cannot be used, as one sentence. */
export class UsageError extends Error {}

/**
 * @param {string} flag
 * @param {string} expected
 * @param {string} received
 * @returns {never}
 */
function fail(flag, expected, received) {
  throw new UsageError(`bench: ${flag}: expected ${expected}, received ${received}`);
}

/**
 * Reads the arguments.
 * @param {readonly string[]} args
 * @returns {Flags | "help"}
 * @throws UsageError for anything unknown
 */
export function parseFlags(args) {
  const all = WORKLOADS.map((work) => work.id);
  /** @type {{ rounds?: number, only?: string[], swap?: boolean, train?: boolean, similarity?: boolean }} */
  const given = {};
  /** @type {Flags} */
  const flags = {
    rounds: 5,
    only: all,
    swap: true,
    train: true,
    similarity: false,
    full: false,
    quick: false,
    dtype: "float32",
    readme: false,
    from: null,
  };
  const queue = args.flatMap((arg) => {
    const at = arg.startsWith("--") ? arg.indexOf("=") : -1;
    return at < 0 ? [arg] : [arg.slice(0, at), arg.slice(at + 1)];
  });
  for (let i = 0; i < queue.length; i++) {
    const flag = queue[i];
    const value = (/** @type {string} */ expected) =>
      queue[++i] ?? fail(flag, expected, "nothing after it");
    if (flag === "--help" || flag === "-h") return "help";
    if (flag === "--quick") flags.quick = true;
    else if (flag === "--full") flags.full = true;
    else if (flag === "--readme") flags.readme = true;
    else if (flag === "--from") flags.from = value("a file of results");
    else if (flag === "--rounds") {
      const text = value("a number of rounds from 1 to 99");
      if (!/^[1-9]\d?$/.test(text)) fail(flag, "a number of rounds from 1 to 99", text);
      given.rounds = Number(text);
    } else if (flag === "--only") {
      const expected = `some of ${all.join(", ")}, swap, train and similarity, separated by commas`;
      const text = value(expected);
      const names = text.toUpperCase().split(",");
      const known = [...all, SWAP, TRAIN, SIMILARITY];
      if (!names.every((name) => known.includes(name))) fail(flag, expected, text);
      given.only = all.filter((id) => names.includes(id));
      given.swap = names.includes(SWAP);
      given.train = names.includes(TRAIN);
      given.similarity = names.includes(SIMILARITY);
    } else if (flag === "--dtype") {
      const text = value("float32 or float16");
      if (text !== "float32" && text !== "float16") fail(flag, "float32 or float16", text);
      flags.dtype = text;
    } else {
      const known = "--rounds, --only, --full, --quick, --dtype, --readme, --from or --help";
      fail("flags", known, flag);
    }
  }
  if (flags.quick) Object.assign(flags, { rounds: 2, only: ["A", "B"], swap: false, train: false });
  if (flags.dtype === "float16") {
    if (given.swap) fail("--only", "workloads without swap, which is float32", "--dtype float16");
    if (given.train) fail("--only", "workloads without train, which is float32", "--dtype float16");
    if (given.similarity) {
      fail("--only", "workloads without similarity, which is float32", "--dtype float16");
    }
    Object.assign(flags, { swap: false, train: false });
  }
  if (flags.full && !given.similarity) {
    fail("--full", "--only with similarity, whose pictures it counts", "--full without it");
  }
  return { ...flags, ...given };
}
