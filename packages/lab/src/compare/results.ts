/** The numbers of a comparison as JSON, and where they come from: command, versions, machine. */
import { availableParallelism, cpus } from "node:os";
import sharp from "sharp";
import { engineInfo } from "softpool";
import { version } from "../version.ts";
import type { Row } from "./measure.ts";
import type { Mean } from "./summary.ts";

/** Everything that `results.json` holds. */
export interface Results {
  /** Name of the protocol. */
  readonly protocol: string;
  /** What the protocol compares, in sentences. */
  readonly description: string;
  /** Engine and threads. */
  readonly engine: string;
  /** SoftPool's temperature, or `"inf"` or `"-inf"`. */
  readonly beta: number | string;
  /** The command, as a shell takes it. */
  readonly command: string;
  /** Versions of what took part. */
  readonly versions: string;
  /** Processor and system. */
  readonly machine: string;
  /** When it was made, ISO 8601. */
  readonly made: string;
  /** One entry per picture, kernel and method. */
  readonly rows: readonly Row[];
  /** Means over the pictures, per kernel and method. */
  readonly means: readonly Mean[];
  /** What went wrong, one sentence each. */
  readonly failures: readonly string[];
  /** Whether it was interrupted, so that pictures are missing. */
  readonly interrupted: boolean;
}

/** A word as a shell would take it. */
function shellWord(word: string): string {
  return /^[\w./,=:@+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Command, versions, machine and time of this run. */
export function origin(): Pick<Results, "command" | "versions" | "machine" | "made"> {
  const { node } = process.versions;
  return {
    command: `softpool ${process.argv.slice(2).map(shellWord).join(" ")}`.trim(),
    versions: `softpool ${version()}, node ${node}, sharp ${sharp.versions.sharp}, libvips ${sharp.versions.vips}`,
    machine: `${cpus()[0]?.model.trim() ?? "unknown processor"}, ${availableParallelism()} processors, ${process.platform} ${process.arch}`,
    made: new Date().toISOString(),
  };
}

/** The default engine by name, with its threads. */
export function engineName(): string {
  const { threads, simd } = engineInfo();
  return `wasm (${simd ? "SIMD, " : ""}${threads} ${threads === 1 ? "thread" : "threads"})`;
}

/** JSON has no infinities, they become strings; what is not defined (NaN) becomes null. */
export function toJson(results: Results): string {
  const replace = (_: string, entry: unknown) =>
    typeof entry !== "number" || Number.isFinite(entry)
      ? entry
      : Number.isNaN(entry)
        ? null
        : String(entry);
  return JSON.stringify(results, replace, 2);
}
