/** `softpool downsample`: shrinks pictures by pooling. */
import { basename, extname, join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { defineCommand } from "citty";
import { type Arguments, type Command, oneOf, pairOf, temperature } from "../args.ts";
import { Failure, quote, UsageError } from "../errors.ts";
import { findMethod } from "../methods.ts";
import { expectWritable, identityOf, isDirectory, isFile, makeDirectory } from "../paths.ts";
import { openPicture } from "../pictures/open.ts";
import { type Pooling, poolRaster, Stopped } from "../pictures/pool.ts";
import { checkExtension, savePicture, targetOf } from "../pictures/save.ts";
import { Interruption, Progress } from "../progress.ts";

const definition = defineCommand({
  meta: {
    name: "downsample",
    description: "Shrink pictures by pooling",
  },
  args: {
    image: { type: "positional", description: "pictures" },
    kernel: {
      type: "string",
      alias: "k",
      description: "window: N, or HEIGHTxWIDTH",
      default: "2",
      valueHint: "N",
    },
    stride: {
      type: "string",
      alias: "s",
      description: "distance of windows: N, or HEIGHTxWIDTH; default: the kernel",
      valueHint: "N",
    },
    method: {
      type: "string",
      alias: "m",
      description: "soft, average, maximum, sum or power-average",
      default: "soft",
      valueHint: "NAME",
    },
    beta: {
      type: "string",
      description: "temperature of soft: a number, inf or -inf",
      default: "1",
      valueHint: "B",
    },
    light: {
      type: "string",
      description: "what is pooled: srgb (the values) or linear (amounts of light)",
      default: "srgb",
      valueHint: "LIGHT",
    },
    output: {
      type: "string",
      alias: "o",
      description:
        "file, or directory for several pictures; default: NAME-METHOD-Nx.png in this directory",
      valueHint: "FILE|DIR",
    },
    json: { type: "boolean", description: "print the results as JSON" },
  },
});

/** One picture's outcome. */
interface Done {
  input: string;
  output: string;
  inputSize: [width: number, height: number];
  outputSize: [width: number, height: number];
  milliseconds: number;
  notes: readonly string[];
}

/** Where each input goes. */
function outputs(inputs: readonly string[], pooling: Pooling, given: string | undefined): string[] {
  const { method, kernel, stride } = pooling;
  const factor = stride[0] === stride[1] ? `${stride[0]}x` : `${stride[0]}x${stride[1]}`;
  const window = kernel[0] === stride[0] && kernel[1] === stride[1] ? "" : `-k${kernel.join("x")}`;
  const nameOf = (input: string) =>
    `${basename(input, extname(input))}-${method.name}-${factor}${window}.png`;
  if (given === "")
    throw new UsageError("-o: expected a file or a directory, received an empty name");
  const wantsDirectory =
    given !== undefined && (inputs.length > 1 || isDirectory(given) || /[/\\]$/.test(given));
  if (given !== undefined && !wantsDirectory) {
    checkExtension(given);
    return [given];
  }
  const directory = given ?? ".";
  if (wantsDirectory) {
    if (inputs.length > 1 && isFile(directory)) {
      throw new UsageError(
        `-o: expected a directory for ${inputs.length} pictures, received the file ${quote(directory)}`,
      );
    }
    makeDirectory(directory);
  }
  // Two inputs of one name in different directories must not overwrite each other.
  const taken = new Set<string>();
  return inputs.map((input) => {
    const plainName = nameOf(input);
    let name = plainName;
    for (let n = 2; taken.has(name); n++) name = plainName.replace(/\.png$/, `-${n}.png`);
    taken.add(name);
    return join(directory, name);
  });
}

/** Refuses an output that is one of the inputs, under whatever name. */
function expectNoInput(output: string, inputs: readonly string[]): void {
  const own = identityOf(output);
  const input = inputs.find((path) => own !== undefined && identityOf(path) === own);
  if (input !== undefined) {
    throw new UsageError(`-o: expected another file than the input ${quote(input)}`);
  }
}

async function shrink(
  input: string,
  output: string,
  pooling: Pooling,
  stop: () => boolean,
): Promise<Done> {
  expectWritable(output);
  const { raster: picture, notes } = await openPicture(input);
  try {
    const { width, height, channels, bits } = picture.format;
    const target = targetOf(output, bits);
    const { raster, milliseconds } = await poolRaster(picture, pooling, target, stop);
    // The input is not needed any more: a large one gives its scratch space back before encoding.
    picture.dispose();
    try {
      await savePicture(output, raster);
    } finally {
      raster.dispose();
    }
    const flattened = channels % 2 === 0 && !target.alpha ? ["alpha laid over white"] : [];
    const reduced = target.bits < bits ? ["16 bit rounded to 8"] : [];
    return {
      input,
      output,
      inputSize: [width, height],
      outputSize: [raster.format.width, raster.format.height],
      milliseconds,
      notes: [...notes, ...flattened, ...reduced],
    };
  } catch (error) {
    if (error instanceof Failure && error.message.startsWith("the kernel")) {
      throw new Failure(`cannot pool ${quote(input)}: ${error.message}`);
    }
    throw error;
  } finally {
    picture.dispose();
  }
}

/** The line that tells of one picture. */
function lineOf({ input, output, inputSize, outputSize, milliseconds, notes }: Done): string {
  const sizes = `${inputSize.join(" x ")} -> ${outputSize.join(" x ")}`;
  const extra = notes.length > 0 ? `  (${notes.join(", ")})` : "";
  return `${quote(input)}  ${sizes}  ${quote(output)}  ${milliseconds.toFixed(1)} ms${extra}`;
}

async function run({ values, flags, rest }: Arguments): Promise<number> {
  if (rest.length === 0) throw new UsageError("expected at least one picture, received none");
  const kernel = pairOf("-k", values.kernel ?? "2");
  const stride = values.stride === undefined ? kernel : pairOf("-s", values.stride);
  const pooling: Pooling = {
    method: findMethod(values.method ?? "soft"),
    kernel,
    stride,
    beta: temperature("--beta", values.beta ?? "1"),
    light: oneOf("--light", values.light ?? "srgb", ["srgb", "linear"]),
  };
  if (values.beta !== undefined && pooling.method.name !== "soft") {
    throw new UsageError(
      `--beta: only soft has a temperature, received method ${pooling.method.name}`,
    );
  }
  const targets = outputs(rest, pooling, values.output);
  for (const target of targets) expectNoInput(target, rest);
  const done: Done[] = [];
  const failures: { input: string; message: string }[] = [];
  const interruption = new Interruption();
  const progress = rest.length > 1 ? new Progress("pictures", rest.length) : undefined;
  for (const [i, input] of rest.entries()) {
    // Lets a pending Ctrl-C be seen.
    await setImmediate();
    if (interruption.interrupted) break;
    try {
      const result = await shrink(input, targets[i], pooling, () => interruption.interrupted);
      done.push(result);
      progress?.end();
      if (!flags.has("json")) console.log(lineOf(result));
    } catch (error) {
      if (error instanceof Stopped) break;
      if (!(error instanceof Failure) || rest.length === 1) throw error;
      failures.push({ input, message: error.message });
    }
    progress?.step(input);
  }
  progress?.end();
  interruption.end();
  if (flags.has("json")) {
    const { method, beta, light } = pooling;
    const settings = { method: method.name, kernel, stride, light };
    const soft =
      method.name === "soft" ? { beta: Number.isFinite(beta) ? beta : String(beta) } : {};
    console.log(JSON.stringify({ ...settings, ...soft, pictures: done, failures }, null, 2));
  }
  for (const { message } of failures) console.error(`softpool: ${message}`);
  if (failures.length > 0) {
    console.error(`softpool: ${failures.length} of ${rest.length} pictures failed`);
  }
  if (interruption.interrupted) {
    console.error(`softpool: interrupted after ${done.length} of ${rest.length} pictures`);
    return 130;
  }
  return failures.length > 0 ? 1 : 0;
}

/** The command. */
export const downsample: Command = {
  definition: definition as Command["definition"],
  usage: "IMAGE... [options]",
  notes: [
    "Reads PNG, JPEG, WebP, TIFF, GIF (first frame), AVIF and SVG; writes the first six by the " +
      "extension of -o: JPEG in quality 95 and over white where there is alpha, WebP lossless.",
    "Values in [0, 1] are pooled; partial windows at the right and lower edge are kept, so that 5 x 5 " +
      "pixels become 3 x 3 with -k 2. Colours are premultiplied by alpha while they are pooled. EXIF " +
      "orientation is applied, colour profiles and CMYK are converted to sRGB, grey stays grey, 16 bit " +
      "stays 16 bit in PNG and TIFF. Results of sum and power-average are clipped to [0, 1].",
    "Large pictures pass through a scratch file in the directory for temporary files (TMPDIR): 100 " +
      "megapixels need less than 700 MB of memory, except in WebP and AVIF, whose decoders hold more.",
  ],
  examples: [
    "softpool downsample photo.jpg",
    "softpool downsample photo.jpg -k 3 --light linear -o small.png",
    "softpool downsample *.png -k 3 -s 2 --method max -o smaller/",
  ],
  run,
};
