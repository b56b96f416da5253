/** `softpool swap`: replaces the pooling of an ONNX network, and says what that does to it. */
import { statSync } from "node:fs";
import { basename, extname } from "node:path";
import {
  formatShape,
  inferTypes,
  isStatic,
  OnnxError,
  opsetOf,
  typeFromProto,
} from "@softpool/onnx";
import { type ModelFile, readModelFile, writeModelFile } from "@softpool/onnx/files";
import {
  catalogue,
  type Decision,
  findMethod,
  type Kind,
  kinds,
  type Method,
  type SwapOptions,
  swapPooling,
  uniforms,
} from "@softpool/poolings";
import { defineCommand } from "citty";
import { type Arguments, type Command, oneOf, seedNumber } from "../args.ts";
import { Failure, quote, UsageError } from "../errors.ts";
import { asked } from "../library.ts";
import { expectWritable, identityOf, isDirectory } from "../paths.ts";
import { Interruption } from "../progress.ts";
import { suggestion } from "../suggestion.ts";
import { type CheckReport, checkSwap, describeCheck } from "../swap/check.ts";
import { inputsOf, parseShapes } from "../swap/inputs.ts";
import { plainText, renderLayers, rowsOf } from "../swap/table.ts";

const definition = defineCommand({
  meta: { name: "swap", description: "Replace the pooling of an ONNX network" },
  args: {
    model: { type: "positional", description: "the network, an ONNX file" },
    to: {
      type: "string",
      description: "the method that comes in",
      default: "soft",
      valueHint: "METHOD",
    },
    from: {
      type: "string",
      description: `kinds of layers that go: ${kinds.join(", ")}, or a method that was swapped in; several apart by commas`,
      default: "maximum,average",
      valueHint: "KINDS",
    },
    only: {
      type: "string",
      description: "only layers of this name or pattern (*, ?); may be given several times",
      valueHint: "NAME|GLOB",
    },
    except: {
      type: "string",
      description: "not layers of this name or pattern; may be given several times",
      valueHint: "NAME|GLOB",
    },
    list: {
      type: "boolean",
      description: "show the pooling layers and what would be done, write nothing",
    },
    kernel: {
      type: "string",
      description:
        "same keeps every window; 2x2 makes it 2 wide without padding, where no shape changes",
      default: "same",
      valueHint: "same|2x2",
    },
    beta: { type: "string", description: "temperature of soft", default: "1", valueHint: "B" },
    set: {
      type: "string",
      description: "another setting of the method, such as p=3; may be given several times",
      valueHint: "NAME=VALUE",
    },
    "padding-mode": {
      type: "string",
      description: "ignore: padded taps do not exist; zero: they are 0",
      default: "ignore",
      valueHint: "MODE",
    },
    inline: {
      type: "boolean",
      description: "write standard operators in place of each layer, without functions and If",
    },
    input: {
      type: "string",
      description: "shape of an input that the model leaves open; may be given several times",
      valueHint: "NAME=1x3x224x224",
    },
    seed: {
      type: "string",
      description: "of random inputs and of learned parameters",
      default: "0",
      valueHint: "N",
    },
    "no-check": { type: "boolean", description: "do not run the two networks afterwards" },
    output: {
      type: "string",
      alias: "o",
      description: "the new network; default: NAME-METHOD.onnx in this directory",
      valueHint: "FILE",
    },
    json: { type: "boolean", description: "print the results as JSON" },
  },
});

/** Options that may be given several times. */
const repeatable = ["only", "except", "input", "set"];

function methodOption(text: string): Method {
  const method = findMethod(text);
  if (method !== undefined) return method;
  const names = catalogue.map(({ name }) => name);
  throw new UsageError(
    `--to: expected one of ${names.join(", ")}, received ${quote(text)}${suggestion(text, names)}`,
  );
}

function kindsOption(text: string): Kind[] {
  return text.split(",").map((part) => {
    const name = part.trim();
    const short: Record<string, Kind> = {
      max: "maximum",
      avg: "average",
      "global-max": "global-maximum",
      "global-avg": "global-average",
    };
    const kind = short[name] ?? name;
    if (kinds.includes(kind)) return kind;
    const method = findMethod(kind);
    if (method !== undefined) return method.name;
    throw new UsageError(
      `--from: expected ${kinds.join(", ")} or a method, received ${quote(name)}${suggestion(name, kinds)}`,
    );
  });
}

function settingsOption(method: Method, args: Arguments): Record<string, number | string> {
  const settings: Record<string, number | string> = {};
  const known = method.settings ?? [];
  const take = (option: string, name: string, text: string): void => {
    const setting = known.find((entry) => entry.name === name && !entry.hidden);
    if (setting === undefined) {
      const there = known.flatMap((entry) => (entry.hidden ? [] : [entry.name]));
      throw new UsageError(
        `${option}: ${method.name} has no ${name}; it has ${there.join(", ") || "no settings"}`,
      );
    }
    if (Object.hasOwn(settings, name)) {
      throw new UsageError(`${option}: ${name} is given twice`);
    }
    const infinite = /^([+-]?)inf(inity)?$/i.exec(text);
    const amount = infinite === null ? Number(text) : Number(`${infinite[1]}Infinity`);
    const value = setting.values === undefined ? amount : text;
    const wrong =
      typeof value === "number" && (text.trim() === "" || Number.isNaN(value))
        ? `expected a number, received ${quote(text)}`
        : setting.values !== undefined && !setting.values.includes(text)
          ? `expected ${setting.values.join(" or ")}, received ${quote(text)}`
          : typeof value === "number"
            ? setting.check?.(value)
            : undefined;
    if (wrong !== undefined) throw new UsageError(`${option}: ${wrong}`);
    settings[name] = value;
  };
  if (args.values.beta !== undefined) take("--beta", "beta", args.values.beta);
  for (const text of args.lists.set ?? []) {
    const at = text.indexOf("=");
    if (at < 1) throw new UsageError(`--set: expected NAME=VALUE, received ${quote(text)}`);
    take("--set", text.slice(0, at), text.slice(at + 1));
  }
  return settings;
}

/** Where the new network goes. */
function outputOf(input: string, method: string, given: string | undefined): string {
  if (given === undefined) {
    return `${basename(input, extname(input))}-${method}.onnx`;
  }
  if (given === "" || isDirectory(given)) {
    throw new UsageError(`-o: expected a file, received ${quote(given)}`);
  }
  return given;
}

/** What could not be known while types were inferred: shown once, for `--list` would be poorer for it. */
async function load(path: string): Promise<ModelFile> {
  try {
    return await readModelFile(path);
  } catch (error) {
    if (error instanceof OnnxError) throw new Failure(error.message);
    throw error;
  }
}

async function run(args: Arguments): Promise<number> {
  const { values, flags, rest } = args;
  if (rest.length !== 1) {
    throw new UsageError(
      `expected one model, received ${rest.length === 0 ? "none" : rest.length}`,
    );
  }
  const [path] = rest;
  const method = methodOption(values.to ?? "soft");
  const seed = seedNumber("--seed", values.seed ?? "0");
  const inputs = parseShapes("--input", args.lists.input ?? []);
  const step = { count: 0 };
  const options: SwapOptions = {
    to: method.name,
    settings: settingsOption(method, args),
    ...(values.from === undefined ? {} : { from: kindsOption(values.from) }),
    ...(args.lists.only === undefined ? {} : { only: args.lists.only }),
    ...(args.lists.except === undefined ? {} : { except: args.lists.except }),
    kernel: oneOf<"same" | "2x2">("--kernel", values.kernel ?? "same", ["same", "2x2"]),
    paddingMode: oneOf<"ignore" | "zero">("--padding-mode", values["padding-mode"] ?? "ignore", [
      "ignore",
      "zero",
    ]),
    inline: flags.has("inline"),
    inputs,
    uniform: () => uniforms(1, { seed, step: step.count++, layer: 2 ** 20 })[0],
  };
  const list = flags.has("list");
  const output = list ? undefined : outputOf(path, method.name, values.output);
  const file = await load(path);
  const { model } = file;
  if (output !== undefined) {
    expectWritable(output);
    const own = identityOf(output);
    if (own !== undefined && own === identityOf(path)) {
      throw new UsageError(`-o: expected another file than the model ${quote(path)}`);
    }
  }
  asked(() => inputsOf(model, inputs));
  const trouble: string[] = [];
  asked(() => inferTypes(model, { inputs, onError: (error) => trouble.push(error.message) }));
  const { model: swapped, decisions, changed, already } = asked(() => swapPooling(model, options));
  const json = flags.has("json");
  const rows = rowsOf(decisions, method.name);
  const say = (line: string) => {
    if (!json) console.log(line);
  };
  say(headline(path, file, decisions, list));
  if (rows.length > 0) say(renderLayers(rows));
  for (const message of trouble)
    console.error(`softpool: shapes are not known everywhere: ${message}`);
  const refused = decisions.filter(({ action }) => action === "refuse");
  const result: Record<string, unknown> = {
    model: path,
    to: method.name,
    settings: options.settings,
    inline: options.inline,
    layers: rows,
  };
  if (list) {
    if (json) console.log(JSON.stringify(result, null, 2));
    return 0;
  }
  if (!changed && !already) {
    throw new Failure(nothingToDo(path, decisions));
  }
  const target = output as string;
  // Ctrl-C waits for the file: half a copy of external tensors helps nobody.
  const interruption = new Interruption();
  let check: CheckReport | undefined;
  try {
    await writeModelFile(swapped, target, { source: path });
    const megabytes = (statSync(target).size / 1e6).toFixed(1);
    say(
      `${quote(target)} written (${megabytes} MB)${changed ? "" : ", as it was: it is swapped already"}`,
    );
    if (changed && !flags.has("no-check") && !interruption.interrupted) {
      check = await checkSwap({
        original: { path, model, external: file.external.length > 0 },
        swapped: { path: target, model: swapped, external: file.external.length > 0 },
        inputs: inputsOf(model, inputs),
        seed,
        stop: () => interruption.interrupted,
      });
      for (const line of describeCheck(check)) say(line);
    }
  } catch (error) {
    if (error instanceof OnnxError) throw new Failure(error.message);
    throw error;
  } finally {
    interruption.end();
  }
  if (interruption.interrupted) return 130;
  if (json) console.log(JSON.stringify({ ...result, output: target, changed, check }, null, 2));
  const guessed = decisions.some(
    ({ action, layer }) => action === "replace" && !isStatic(layer.declared?.slice(2)),
  );
  if (options.kernel === "2x2" && guessed) {
    console.error(
      "softpool: with --kernel 2x2 shapes are equal at the sizes of --input; at odd sizes the new network's are smaller",
    );
  }
  for (const { layer, reason } of refused) {
    console.error(`softpool: ${quote(layer.name)} is left as it was: ${reason}`);
  }
  if (refused.length > 0) {
    console.error(
      `softpool: ${refused.length} of ${decisions.length} layers could not be replaced; --except NAME leaves one out on purpose`,
    );
  }
  return refused.length > 0 || check?.failure !== undefined ? 1 : 0;
}

function nothingToDo(path: string, decisions: readonly Decision[]): string {
  const refused = decisions.filter(({ action }) => action === "refuse");
  if (refused.length > 0) {
    const [{ layer, reason }] = refused;
    const more = refused.length > 1 ? ` (and ${refused.length - 1} more)` : "";
    return `no layer of ${quote(path)} could be replaced: ${quote(layer.name)}: ${reason}${more}`;
  }
  if (decisions.length === 0) return `${quote(path)} has no pooling layers`;
  if (decisions.every(({ reason }) => reason === "it is left out by name")) {
    return `all pooling layers of ${quote(path)} are left out by name`;
  }
  const found = [...new Set(decisions.map(({ layer }) => layer.kind))].join(", ");
  return `${quote(path)} has no pooling layers of the kinds asked for; it has ${found}: name them with --from`;
}

function headline(
  path: string,
  { model }: ModelFile,
  decisions: readonly Decision[],
  list: boolean,
): string {
  const replaced = decisions.filter(({ action }) => action === "replace").length;
  const shapes = (model.graph?.input ?? [])
    .filter(({ name }) => !model.graph?.initializer.some((item) => item.name === name))
    .map(({ name, type }) => plainText(`${name} ${formatShape(typeFromProto(type).shape)}`));
  const what = `${decisions.length} pooling layers, ${replaced} ${list ? "would be " : ""}replaced`;
  return `${quote(path)}: operator set ${opsetOf(model)}, input ${shapes.join(", ")}; ${what}`;
}

/** The command. */
export const swap: Command = {
  definition: definition as Command["definition"],
  repeatable,
  usage: "MODEL [options]",
  notes: [
    "Every window keeps its kernel, stride, padding, dilation and ceil mode, so that all shapes stay, unknown " +
      "sizes included; everything else in the file stays as it is. A global pooling is replaced only when " +
      "--from or --only names it. A maximum whose indices are used, and integer or quantised pooling, are " +
      "refused; what is refused is left as it was, and the exit code is 1.",
    "Each replaced layer becomes one call of a local function of the domain softpool, made of standard " +
      "operators: the file runs on ONNX Runtime with every provider, nothing must be installed. --inline " +
      "writes the operators in place for other runtimes; it is slower.",
    "Afterwards both networks run on the same random input: whether outputs are finite, whether shapes are " +
      "equal, the largest change of an output, and the time of one beside the other's. Float64 networks, " +
      "which ONNX Runtime cannot run, are checked on the reference evaluator.",
    `Methods: ${catalogue.map(({ name }) => name).join(", ")}.`,
  ],
  examples: [
    "softpool swap resnet50.onnx --list",
    "softpool swap resnet50.onnx --to soft -o resnet50-soft.onnx",
    'softpool swap net.onnx --only "/layer*/pool*" --beta 2 --input image=1x3x224x224',
  ],
  run,
};
