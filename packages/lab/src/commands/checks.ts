/** `softpool checks`: versions, processors, engines, and what is missing for which feature. */
import { existsSync, readFileSync, statfsSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, cpus, release, tmpdir, totalmem, type } from "node:os";
import { dirname, join } from "node:path";
import { Graph, poolWindow, writeModel } from "@softpool/onnx";
import { createSession } from "@softpool/onnx/session-node";
import { applyMethod, soft } from "@softpool/poolings";
import { defineCommand } from "citty";
import type Sharp from "sharp";
import { engineInfo, softPool2d } from "softpool";
import type { Arguments, Command } from "../args.ts";
import { plain, quote, UsageError } from "../errors.ts";
import { version } from "../version.ts";

const definition = defineCommand({
  meta: { name: "checks", description: "Show versions, processors, engines and what is missing" },
  args: { json: { type: "boolean", description: "print as JSON" } },
});

/** One feature: whether it works here, and what it needs where not. */
interface Feature {
  name: string;
  available: boolean;
  note: string;
}

/** Everything the command shows. */
export interface Checks {
  /** Versions by program. */
  versions: Record<string, string>;
  /** The machine. */
  machine: Record<string, string | number>;
  /** The default engine. */
  engine: Record<string, string | number | boolean>;
  /** Features and what they need. */
  features: Feature[];
}

/** Whether the engine gives the paper's equation for one window: 4.5887810 for (1, 2, 4, 5). */
function engineWorks(engine: "wasm" | "reference"): string {
  try {
    const x = { data: Float64Array.of(1, 2, 4, 5), shape: [1, 1, 2, 2] };
    const y = softPool2d(x, { kernelSize: 2, engine }).data[0];
    return Math.abs(y - 4.588781) < 1e-6 ? "" : `gives ${y} instead of 4.588781`;
  } catch (error) {
    return (error as Error).message;
  }
}

/** The picture library, or why it does not load. */
async function loadSharp(): Promise<typeof Sharp | string> {
  try {
    return (await import("sharp")).default;
  } catch (error) {
    return plain((error as Error).message);
  }
}

/** Whether ONNX Runtime gives the same for SoftPool as a network has it. */
async function runtimeWorks(): Promise<string> {
  try {
    const g = new Graph(17);
    const x = g.input("x", "float32", [1, 1, 2, 2]);
    const y = applyMethod(g, soft, x, poolWindow([2, 2]));
    g.output(y);
    const session = await createSession(writeModel(g.toModel()));
    const data = Float32Array.of(1, 2, 4, 5);
    const outputs = await session.run({ x: { dtype: "float32", shape: [1, 1, 2, 2], data } });
    await session.dispose();
    const value = Number(outputs[y.name].data[0]);
    return Math.abs(value - 4.588781) < 1e-5 ? "" : `gives ${value} instead of 4.588781`;
  } catch (error) {
    return plain((error as Error).message);
  }
}

/** The version of a package that is installed, or why there is none. */
function versionOf(name: string): string {
  try {
    const require = createRequire(import.meta.url);
    let folder = dirname(require.resolve(name));
    while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
    return String(JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).version);
  } catch {
    return "missing";
  }
}

/** What pictures can be read here. */
function pictureFeatures(sharp: typeof Sharp | string): Feature[] {
  if (typeof sharp === "string") {
    return [{ name: "pictures", available: false, note: `sharp does not load: ${sharp}` }];
  }
  const formats = (["png", "jpeg", "webp", "tiff", "gif", "svg"] as const).filter(
    (format) => sharp.format[format]?.input.file,
  );
  // libvips reads AVIF and HEIC by one loader; the codec of HEIC is rarely built in.
  const suffixes = sharp.format.heif?.input.fileSuffix ?? [];
  const { bavail, bsize } = statfsSync(tmpdir());
  const free = bavail * bsize;
  return [
    { name: "pictures", available: formats.length > 0, note: `reads ${formats.join(", ")}` },
    {
      name: "AVIF",
      available: suffixes.includes(".avif"),
      note: suffixes.includes(".avif") ? "reads and writes" : "needs a libvips with an AV1 codec",
    },
    {
      name: "HEIC",
      available: suffixes.includes(".heic"),
      note: suffixes.includes(".heic")
        ? "reads"
        : "needs a libvips with an HEVC codec; convert to another format first",
    },
    {
      name: "large pictures",
      available: free > 2 ** 30,
      note: `${(free / 2 ** 30).toFixed(1)} GiB free in ${tmpdir()}${free > 2 ** 30 ? "" : "; set TMPDIR"}`,
    },
  ];
}

/** Looks at versions, machine and engines. */
export async function gatherChecks(): Promise<Checks> {
  const sharp = await loadSharp();
  const wasm = engineWorks("wasm");
  const info = wasm === "" ? engineInfo() : undefined;
  const runtime = await runtimeWorks();
  const threads = info?.threads ?? 1;
  return {
    versions: {
      softpool: version(),
      node: process.versions.node,
      v8: process.versions.v8,
      sharp: typeof sharp === "string" ? "missing" : (sharp.versions.sharp ?? "unknown"),
      libvips: typeof sharp === "string" ? "missing" : sharp.versions.vips,
      "onnxruntime-node": versionOf("onnxruntime-node"),
    },
    machine: {
      system: `${type()} ${release()} ${process.arch}`,
      processor: cpus()[0]?.model.trim() ?? "unknown",
      processors: availableParallelism(),
      memory: `${(totalmem() / 2 ** 30).toFixed(1)} GiB`,
    },
    engine: {
      name: "wasm",
      simd: info?.simd ?? false,
      "shared memory": info?.sharedMemory ?? false,
      threads,
      "kernel bytes": info?.kernelBytes ?? 0,
    },
    features: [
      { name: "engine wasm", available: wasm === "", note: wasm || "WebAssembly SIMD" },
      {
        name: "engine reference",
        available: engineWorks("reference") === "",
        note: engineWorks("reference") || "slow, for checks",
      },
      {
        name: "threads",
        available: threads > 1,
        note: threads > 1 ? `${threads}` : "needs a second processor and shared memory",
      },
      {
        name: "networks",
        available: runtime === "",
        note: runtime || "ONNX Runtime runs a swapped layer on the CPU",
      },
      ...pictureFeatures(sharp),
    ],
  };
}

function section(title: string, entries: [string, unknown][]): string {
  const width = Math.max(...entries.map(([name]) => name.length));
  const lines = entries.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`);
  return [title, ...lines].join("\n");
}

async function run({ flags, rest }: Arguments): Promise<number> {
  if (rest.length > 0) {
    throw new UsageError(`expected no arguments, received ${quote(rest[0])}`);
  }
  const checks = await gatherChecks();
  if (flags.has("json")) console.log(JSON.stringify(checks, null, 2));
  else {
    const features = checks.features.map(({ name, available, note }): [string, string] => [
      name,
      `${available ? "yes" : "no "}  ${note}`,
    ]);
    console.log(
      [
        section("Versions", Object.entries(checks.versions)),
        section("Machine", Object.entries(checks.machine)),
        section("Engine", Object.entries(checks.engine)),
        section("Features", features),
      ].join("\n\n"),
    );
  }
  return checks.features[0].available ? 0 : 1;
}

/** The command. */
export const checks: Command = {
  definition: definition as Command["definition"],
  usage: "[options]",
  notes: ["The exit code is 1 when the default engine does not work here."],
  examples: ["softpool checks", "softpool checks --json"],
  run,
};
