/** `softpool compare`: pooling methods on pictures, as a table, a report and JSON. */
import { availableParallelism, cpus } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { findProtocol, type Picture, type Protocol, protocols } from "@softpool/pictures";
import { defineCommand } from "citty";
import sharp from "sharp";
import { engineInfo } from "softpool";
import { type Arguments, type Command, oneOf, positiveInteger, temperature } from "../args.ts";
import { bounded, cropOf, dataUri, fromBlockMean, mostDifferent } from "../compare/images.ts";
import { findSources, type Source } from "../compare/load.ts";
import { measure, type Pooled, type Row } from "../compare/measure.ts";
import {
  type KernelPart,
  type PicturePart,
  type Report,
  renderReport,
  type Shown,
} from "../compare/report.ts";
import { inWords, means } from "../compare/summary.ts";
import { renderTable } from "../compare/table.ts";
import { Failure, quote, UsageError } from "../errors.ts";
import { findMethod, type Method, methods } from "../methods.ts";
import { expectWritable, makeDirectory, saveText } from "../paths.ts";
import { Interruption, Progress } from "../progress.ts";
import { version } from "../version.ts";

const definition = defineCommand({
  meta: {
    name: "compare",
    description: "Compare pooling methods on pictures: similarity to the original, time, a report",
  },
  args: {
    picture: { type: "positional", description: "pictures or directories", required: false },
    kernels: {
      type: "string",
      alias: "k",
      description: "window sizes, separated by commas",
      default: "2,3,5",
      valueHint: "N,N...",
    },
    methods: {
      type: "string",
      alias: "m",
      description: "methods, separated by commas",
      default: methods.map((method) => method.name).join(","),
      valueHint: "NAME,NAME...",
    },
    protocol: {
      type: "string",
      alias: "p",
      description: `what is compared with what: ${protocols.map((protocol) => protocol.name).join(", ")}`,
      default: "bilinear",
      valueHint: "NAME",
    },
    beta: {
      type: "string",
      description: "temperature of soft: a number, inf or -inf",
      default: "1",
      valueHint: "B",
    },
    output: {
      type: "string",
      alias: "o",
      description: "directory of the report",
      default: "softpool-report",
      valueHint: "DIR",
    },
    json: { type: "boolean", description: "print the results as JSON" },
  },
});

/** The report shows everything of so many pictures, and the magnified parts of so many; numbers are of all. */
const WHOLE = 2;
const PARTLY = 12;
/** Originals are shown up to this many pixels, results of a kernel up to its share. */
const MOST_PIXELS = 1_200_000;
/** Side of the magnified part, in pooled pixels. */
const CROP = 28;
/** How much brighter differences are shown. */
const GAIN = 4;

/** What is to be done. */
interface Plan {
  kernels: number[];
  methods: Method[];
  protocol: Protocol;
  beta: number;
}

function planOf(values: Arguments["values"]): Plan {
  const list = (text: string) => text.split(",").map((word) => word.trim());
  const kernels = list(values.kernels ?? "2,3,5").map((word) => positiveInteger("--kernels", word));
  const chosen = values.methods === undefined ? [...methods] : list(values.methods).map(findMethod);
  const names = protocols.map((protocol) => protocol.name);
  const protocol = findProtocol(oneOf("--protocol", values.protocol ?? "bilinear", names));
  return {
    kernels: [...new Set(kernels)].sort((a, b) => a - b),
    methods: [...new Set(chosen)],
    protocol,
    beta: temperature("--beta", values.beta ?? "1"),
  };
}

async function shown(picture: Picture, method: string, note: string): Promise<Shown> {
  const { width, height } = picture;
  return { source: await dataUri(picture), width, height, method, note };
}

/** How much of a picture the report shows. */
type Detail = "all" | "parts" | "none";

/** The pictures of one kernel for the report. */
async function kernelPart(
  kernel: number,
  original: Picture,
  results: readonly Pooled[],
  detail: Detail,
): Promise<KernelPart> {
  const region = mostDifferent(results, CROP);
  const [x, y, width, height] = [region.x, region.y, region.width, region.height].map(
    (value) => value * kernel,
  );
  const square = cropOf(original, { x, y, width, height });
  const crops = [await shown(square, "original", `${width} × ${height} pixels at ${x}, ${y}`)];
  const parts: Shown[] = [];
  const differences: Shown[] = [];
  for (const { row, picture } of results) {
    const { method } = row;
    crops.push(await shown(cropOf(picture, region), method, ""));
    if (detail !== "all") continue;
    const { shown: part, cut } = bounded(picture, MOST_PIXELS / kernel ** 2);
    const size = `${picture.width} × ${picture.height}`;
    parts.push(await shown(part, method, cut ? `middle of ${size}` : size));
    if (method !== "average") {
      const far = bounded(fromBlockMean(original, picture, GAIN), MOST_PIXELS / kernel ** 2);
      differences.push(await shown(far.shown, method, ""));
    }
  }
  return { kernel, results: parts, crops, differences };
}

/** Measures one picture, and makes its part of the report. */
async function comparePicture(
  source: Source,
  plan: Plan,
  detail: Detail,
  failures: string[],
): Promise<PicturePart | undefined> {
  const picture = await source.load();
  const rows: Row[] = [];
  const kernels: KernelPart[] = [];
  for (const kernel of plan.kernels) {
    if (kernel > picture.width || kernel > picture.height) {
      const size = `${picture.width} x ${picture.height}`;
      failures.push(
        `cannot compare ${quote(source.name)} with kernel ${kernel}: it is larger than the picture of ${size} pixels`,
      );
      continue;
    }
    const { original, results } = measure(
      source.name,
      picture,
      kernel,
      plan.methods,
      plan.protocol.name,
      plan.beta,
    );
    rows.push(...results.map(({ row }) => row));
    if (detail !== "none") kernels.push(await kernelPart(kernel, original, results, detail));
    await setImmediate();
  }
  if (rows.length === 0) return undefined;
  const part = { name: source.name, title: source.title, rows, kernels };
  if (detail !== "all") return part;
  const { shown: middle, cut } = bounded(picture, MOST_PIXELS);
  const size = `${picture.width} × ${picture.height}`;
  return { ...part, original: await shown(middle, "original", cut ? `middle of ${size}` : size) };
}

function engineName(): string {
  const { threads, simd } = engineInfo();
  return `wasm (${simd ? "SIMD, " : ""}${threads} ${threads === 1 ? "thread" : "threads"})`;
}

/** JSON has no infinities: they become strings. */
function toJson(value: unknown): string {
  return JSON.stringify(
    value,
    (_, entry) =>
      typeof entry === "number" && !Number.isFinite(entry)
        ? Number.isNaN(entry)
          ? null
          : String(entry)
        : entry,
    2,
  );
}

async function run({ values, flags, rest }: Arguments): Promise<number> {
  const plan = planOf(values);
  const directory = values.output ?? "softpool-report";
  if (directory === "") throw new UsageError("-o: expected a directory, received an empty name");
  const sources = findSources(rest);
  makeDirectory(directory);
  const page = join(directory, "index.html");
  const numbers = join(directory, "results.json");
  expectWritable(page);
  expectWritable(numbers);
  const parts: PicturePart[] = [];
  const failures: string[] = [];
  const interruption = new Interruption();
  const progress = new Progress("pictures", sources.length);
  for (const source of sources) {
    await setImmediate();
    if (interruption.interrupted) break;
    try {
      const count = parts.length;
      const detail = count < WHOLE ? "all" : count < PARTLY ? "parts" : "none";
      const part = await comparePicture(source, plan, detail, failures);
      if (part !== undefined) parts.push(part);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      failures.push(error.message);
    }
    progress.step(source.title);
  }
  progress.end();
  interruption.end();

  const rows = parts.flatMap((part) => part.rows);
  if (rows.length === 0 && !interruption.interrupted) {
    throw new Failure(failures.length === 1 ? failures[0] : failures.join("; "));
  }
  const beta = String(plan.beta).replace("Infinity", "inf");
  const command = `softpool compare ${process.argv.slice(3).map(shellWord).join(" ")}`.trim();
  const versions = `softpool ${version()}, node ${process.versions.node}, sharp ${sharp.versions.sharp}, libvips ${sharp.versions.vips}`;
  const machine = `${cpus()[0]?.model.trim() ?? "unknown processor"}, ${availableParallelism()} processors, ${process.platform} ${process.arch}`;
  const report: Report = {
    protocol: plan.protocol,
    beta,
    engine: engineName(),
    pictures: parts,
    rows,
    failures,
    foot: [
      ["Command", command],
      ["Versions", versions],
      ["Machine", machine],
      ["Made", new Date().toISOString()],
    ],
    gain: GAIN,
  };
  const results = {
    protocol: plan.protocol.name,
    engine: report.engine,
    beta: Number.isFinite(plan.beta) ? plan.beta : beta,
    command,
    versions,
    machine,
    rows,
    means: means(rows),
    failures,
    interrupted: interruption.interrupted,
  };
  await saveText(numbers, `${toJson(results)}\n`);
  await saveText(page, renderReport(report));

  if (flags.has("json")) console.log(toJson(results));
  else if (rows.length > 0) {
    const colour = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;
    const count = `${parts.length} ${parts.length === 1 ? "picture" : "pictures"}`;
    console.log(`Protocol ${plan.protocol.name}, engine ${report.engine}, ${count}\n`);
    console.log(renderTable(means(rows), colour));
    console.log(`\n${inWords(means(rows))}\n\nReport: ${page}`);
  }
  for (const message of failures) console.error(`softpool: ${message}`);
  if (interruption.interrupted) {
    console.error(
      `softpool: interrupted after ${parts.length} of ${sources.length} pictures, the report has these`,
    );
    return 130;
  }
  return failures.length > 0 ? 1 : 0;
}

/** A word as a shell would take it. */
function shellWord(word: string): string {
  return /^[\w./,=:@+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** The command. */
export const compare: Command = {
  definition: definition as Command["definition"],
  usage: "[IMAGE|DIRECTORY...] [options]",
  notes: [
    "Every picture is cropped to a multiple of the kernel and pooled with stride = kernel. SSIM and PSNR " +
      "are taken in sRGB values and in linear light. Alpha is put over white. Of a directory, all " +
      "pictures in it are taken, sorted by name. With no picture, the built-in resolution chart is used.",
    "Protocols: nearest, bilinear and bicubic enlarge the pooled picture and compare it with the " +
      "original; low-resolution compares it with the area average of the original's light.",
    "Writes index.html, which needs no other file, and results.json into the directory of -o. In JSON an " +
      'infinite PSNR (equal pictures) is "Infinity", an SSIM of pictures below 11 pixels null.',
  ],
  examples: [
    "softpool compare",
    "softpool compare photos/ --kernels 2,3 --protocol low-resolution -o report",
    "softpool compare photo.jpg --methods soft,average --beta 1.4 --json",
  ],
  run,
};
