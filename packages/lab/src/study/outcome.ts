/**
 * The result file of a cell: what was measured, and all that is needed to judge it. One JSON object that
 * names its own cell and has a checksum of its result, so that a file that was cut short, edited or
 * renamed is not taken for a result.
 */
import { type Cell, type Config, canonical, cellName, digest, type Json } from "./cell.ts";

/** The version of the format. */
const FORMAT = 1;

/** Where a result comes from. */
export interface Provenance {
  /** The command, as a shell takes it. */
  readonly command: string;
  /** Versions of what took part. */
  readonly versions: string;
  /** Processor and system. */
  readonly machine: string;
}

/** What a cell's work gave. */
export interface Measured {
  /** The numbers; their form is the study's. Numbers that JSON lacks are written as {@link toNumber} reads them. */
  readonly result: Json;
  /** What computed it: engine or provider, with threads. */
  readonly engine: string;
  /** How long it took, in seconds. */
  readonly seconds: number;
}

/** What a result file holds. */
export interface Outcome extends Provenance {
  /** The version of the format. */
  readonly format: number;
  /** The study's name. */
  readonly study: string;
  /** The cell's configuration. */
  readonly config: Config;
  /** The revision of what was measured. */
  readonly revision: string;
  /** The seed of what was drawn by chance; null where nothing was. */
  readonly seed: number | null;
  /** Whether there is a result. */
  readonly status: "done" | "failed";
  /** The numbers of a cell that is done. */
  readonly result?: Json;
  /** The reason why a cell failed, one sentence. */
  readonly error?: string;
  /** What computed it: engine or provider, with threads; empty where it failed before. */
  readonly engine: string;
  /** When it was written, ISO 8601. */
  readonly made: string;
  /** How long it took, in seconds. */
  readonly seconds: number;
  /** Digest of the result or the error. */
  readonly check: string;
}

/**
 * The outcome of a cell.
 * @param study the study's name
 * @param cell the cell
 * @param measured what its work gave, or why it failed
 * @param provenance where it was done
 */
export function outcomeOf(
  study: string,
  cell: Cell,
  measured: Measured | { readonly error: string },
  provenance: Provenance,
): Outcome {
  const { config, revision, seed = null } = cell;
  const failed = "error" in measured;
  const content: Json = failed ? measured.error : measured.result;
  return {
    format: FORMAT,
    study,
    config,
    revision,
    seed,
    ...(failed
      ? { status: "failed", error: measured.error, engine: "", seconds: 0 }
      : {
          status: "done",
          result: measured.result,
          engine: measured.engine,
          seconds: measured.seconds,
        }),
    ...provenance,
    made: new Date().toISOString(),
    check: digest(canonical(content)),
  };
}

/** The text of a result file. */
export function writeOutcome(outcome: Outcome): string {
  return `${JSON.stringify(outcome, null, 1)}\n`;
}

/**
 * Reads a result file.
 * @param text its text
 * @param name the cell's name, which the file has
 * @returns the outcome, or why it is none: a clause
 */
export function readOutcome(text: string, name: string): Outcome | string {
  let outcome: Partial<Outcome> | null;
  try {
    outcome = JSON.parse(text) as Partial<Outcome> | null;
  } catch {
    return "it is cut short or no JSON";
  }
  if (typeof outcome !== "object" || outcome === null) return "it is no result";
  if (outcome.format !== FORMAT) return `its format is ${outcome.format}, not ${FORMAT}`;
  const { study, config, revision, status } = outcome;
  const content = status === "done" ? outcome.result : outcome.error;
  const texts = [study, revision, outcome.engine, outcome.versions, outcome.machine, outcome.made];
  if (
    texts.some((entry) => typeof entry !== "string") ||
    typeof config !== "object" ||
    config === null ||
    typeof outcome.seconds !== "number" ||
    (status !== "done" && status !== "failed") ||
    content === undefined
  ) {
    return "parts of it are missing";
  }
  if (cellName(study as string, config, revision as string) !== name) {
    return "it is the result of another cell";
  }
  if (digest(canonical(content)) !== outcome.check) return "its checksum is wrong";
  return outcome as Outcome;
}

/** A number for JSON: what it lacks becomes null (NaN), "inf" or "-inf". */
export function fromNumber(value: number): number | string | null {
  if (Number.isFinite(value)) return value;
  return Number.isNaN(value) ? null : value > 0 ? "inf" : "-inf";
}

/** A number that {@link fromNumber} made fit for JSON; NaN for whatever else. */
export function toNumber(value: Json | undefined): number {
  if (typeof value === "number") return value;
  if (value === "inf") return Number.POSITIVE_INFINITY;
  return value === "-inf" ? Number.NEGATIVE_INFINITY : Number.NaN;
}
