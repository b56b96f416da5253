/** `softpool build`: writes a network of the zoo as an ONNX file. */
import { readFileSync, statSync } from "node:fs";
import { OnnxError } from "@softpool/onnx";
import { writeModelFile } from "@softpool/onnx/files";
import { catalogue } from "@softpool/poolings";
import {
  type BuildOptions,
  type BuiltNetwork,
  buildNetwork,
  type FileTensor,
  info,
  type NetworkEntry,
  type PlacedPooling,
  readSafetensors,
  type WeightAccount,
} from "@softpool/zoo";
import { defineCommand } from "citty";
import { type Arguments, type Command, positiveInteger, seedNumber } from "../args.ts";
import { explain, Failure, quote, UsageError } from "../errors.ts";
import { expectWritable, identityOf, isDirectory } from "../paths.ts";
import { asked, networkOption, placeRow, renderRows, thousands } from "../zoo/options.ts";

const definition = defineCommand({
  meta: { name: "build", description: "Write a network as an ONNX file" },
  args: {
    network: { type: "positional", description: "its name; softpool models lists them" },
    pool: {
      type: "string",
      description: "what pools where: METHOD, PLACE=METHOD or a variant, several apart by commas",
      default: "original",
      valueHint: "SPEC",
    },
    weights: {
      type: "string",
      description: "weights to load, a safetensors file with torchvision's names",
      valueHint: "FILE",
    },
    classes: {
      type: "string",
      description: "number of classes; the classifier of --weights may then be another",
      valueHint: "N",
    },
    seed: {
      type: "string",
      description: "of the initial values of what is not loaded",
      default: "0",
      valueHint: "N",
    },
    size: {
      type: "string",
      description: "height and width of the pictures; default the network's",
      valueHint: "N",
    },
    auxiliary: { type: "boolean", description: "with the auxiliary heads of Inception networks" },
    remap: {
      type: "boolean",
      description:
        "map normalised pictures to [-1, 1] first, as Inception's published weights expect",
    },
    output: {
      type: "string",
      alias: "o",
      description: "the file; default: NETWORK-SPEC.onnx in this directory",
      valueHint: "FILE",
    },
    json: { type: "boolean", description: "print the results as JSON" },
  },
});

/** The tensors of a weight file. */
function readWeights(path: string): ReadonlyMap<string, FileTensor> {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = readFileSync(path) as Uint8Array<ArrayBuffer>;
  } catch (error) {
    throw explain("read", path, error);
  }
  return failing(() => readSafetensors(bytes, quote(path)).tensors);
}

/** Runs what fails because of a file. */
function failing<T>(work: () => T, path?: string): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof OnnxError)) throw error;
    throw new Failure(
      path === undefined ? error.message : error.message.replace(/^weights:/, `${quote(path)}:`),
    );
  }
}

function outputOf(entry: NetworkEntry, pool: string, given: string | undefined): string {
  if (given === undefined) {
    const words = pool.replace(/[^A-Za-z0-9.]+/g, "-").replace(/^-|-$/g, "");
    return pool === "original" ? `${entry.name}.onnx` : `${entry.name}-${words}.onnx`;
  }
  if (given === "" || isDirectory(given)) {
    throw new UsageError(`-o: expected a file, received ${quote(given)}`);
  }
  return given;
}

/** What pools in a place now, in words. */
function choiceOf({ choice }: PlacedPooling): string {
  const { method, settings, kernel, paddingMode } = choice;
  if (method === undefined) return "original";
  const changed = (method.settings ?? []).filter(
    ({ name, default: usual }) => settings[name] !== usual,
  );
  return [
    method.name,
    ...(kernel === "2x2" ? ["2x2"] : []),
    ...(paddingMode === "zero" ? ["padding=zero"] : []),
    ...changed.map(({ name }) => `${name}=${settings[name]}`),
  ].join(" ");
}

function some(names: readonly string[]): string {
  const rest = names.length - 4;
  return names.slice(0, 4).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}

/** What became of the weights, in lines. */
function accountLines(path: string, account: WeightAccount): string[] {
  const { loaded, kept, renamed } = account;
  const total = loaded.length + kept.length;
  const spelled = renamed.length > 0 ? `, ${renamed.length} of them under older names` : "";
  return [
    `${quote(path)}: ${loaded.length} of ${total} tensors loaded${spelled}`,
    ...(kept.length > 0 ? [`  with initial values: ${some(kept)}`] : []),
  ];
}

async function run({ values, flags, rest }: Arguments): Promise<number> {
  if (rest.length !== 1) {
    throw new UsageError(
      `expected one network, received ${rest.length === 0 ? "none; softpool models lists them" : rest.length}`,
    );
  }
  const entry = networkOption(rest[0]);
  const pool = values.pool ?? "original";
  const number = (name: "classes" | "size") =>
    values[name] === undefined ? undefined : positiveInteger(`--${name}`, values[name]);
  const seed = seedNumber("--seed", values.seed ?? "0");
  const classes = number("classes");
  const options: BuildOptions = {
    ...{ pool, seed, classes, size: number("size") },
    auxiliary: flags.has("auxiliary"),
    remap: flags.has("remap"),
  };
  const output = outputOf(entry, pool, values.output);
  // Whether it can be built at all is known before anything large is read or computed.
  asked(() => buildNetwork(entry, { ...options, values: false }));
  expectWritable(output);
  const { weights: path } = values;
  if (
    path !== undefined &&
    identityOf(path) !== undefined &&
    identityOf(path) === identityOf(output)
  ) {
    throw new UsageError(`-o: expected another file than the weights ${quote(path)}`);
  }
  const weights = path === undefined ? undefined : readWeights(path);
  const network: BuiltNetwork = failing(
    () => buildNetwork(entry, { ...options, weights, replaceHead: classes !== undefined }),
    path,
  );
  try {
    await writeModelFile(network.model, output);
  } catch (error) {
    if (error instanceof OnnxError) throw new Failure(error.message);
    throw error;
  }
  report(network, output, path, options, flags.has("json"));
  return 0;
}

function report(
  { entry, model, places, account }: BuiltNetwork,
  output: string,
  path: string | undefined,
  options: BuildOptions,
  json: boolean,
): void {
  const { parameters, macs } = info(model);
  const size = options.size ?? entry.size;
  const classes = options.classes ?? entry.classes;
  if (account !== undefined && account.unexpected.length > 0) {
    console.error(
      `softpool: ${quote(path ?? "")} has ${account.unexpected.length} tensor(s) that the network does not have: ${some(account.unexpected)}`,
    );
  }
  if (json) {
    const layers = places.map((place) => ({ name: place.name, pools: choiceOf(place) }));
    const { pool, seed } = options;
    console.log(
      JSON.stringify(
        {
          ...{ network: entry.name, pool, classes, size, seed, parameters, macs },
          ...{ layers, weights: account, output },
        },
        null,
        2,
      ),
    );
    return;
  }
  const gmacs = (macs / 1e9).toFixed(3);
  console.log(
    `${entry.name}: ${thousands(parameters)} parameters, ${gmacs} GMACs at ${size}x${size}, ${classes} classes`,
  );
  const rows = places.map((place) => [...placeRow(place).slice(0, 4), choiceOf(place)]);
  console.log(renderRows([["place", "kind", "window", "input", "pools"], ...rows]));
  if (account !== undefined && path !== undefined) {
    for (const line of accountLines(path, account)) console.log(line);
  }
  const megabytes = (statSync(output).size / 1e6).toFixed(1);
  console.log(`${quote(output)} written (${megabytes} MB)`);
}

/** The command. */
export const build: Command = {
  definition: definition as Command["definition"],
  usage: "NETWORK [options]",
  notes: [
    "A specification is METHOD for all pooling layers of the trunk, or PLACE=METHOD with the name of a " +
      "place or a pattern (*, ?); a later item outdoes an earlier one. Settings follow after colons: " +
      "soft:beta=2, maxpool=soft:kernel=2x2 (2 wide without padding), padding=zero (padded taps are zeros; " +
      "they do not exist otherwise). original is what is there without any. softpool models NETWORK shows " +
      "places and variants.",
    "The file takes normalised pictures [batch, 3, height, width] and gives logits. It runs on ONNX Runtime " +
      "as it is. Without --weights its values are initial ones, the same for the same seed whatever pools.",
    "Weights are loaded by name, older spellings of DenseNet included. Tensors that are missing or have " +
      "another shape are an error, except the classifier with --classes and what poolings learn; tensors " +
      "that the network does not have are named on standard error.",
    `Methods: ${catalogue.map(({ name }) => name).join(", ")}.`,
  ],
  examples: [
    "softpool build resnet18 --pool soft -o resnet18-soft.onnx",
    "softpool build densenet121 --pool soft-4 --weights densenet121.safetensors",
    'softpool build inception-v3 --pool "maxpool1=soft,Mixed_5*=average" --classes 100',
  ],
  run,
};
