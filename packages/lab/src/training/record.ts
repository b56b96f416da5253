/**
 * What a run has left in its directory, read with patience: a last line that was cut off is not there, lines
 * that are no epochs are counted, fields that are missing or of another kind are `undefined`. Of an epoch that
 * was done twice, after a run was killed, the later line counts.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { explain, Failure, quote } from "../errors.ts";
import type { EpochPoint } from "../report/learning.ts";

/** An epoch as it was written. */
export interface Epoch extends EpochPoint {
  /** Of the pictures held out. */
  readonly test?: NonNullable<EpochPoint["test"]> & {
    /** Share that was among the five most likely, in [0, 1]. */
    readonly top5?: number;
    /** How many pictures. */
    readonly pictures?: number;
  };
  /** The learning rate of its last step. */
  readonly rate?: number;
  /** Pictures per second. */
  readonly imagesPerSecond?: number;
}

/** A run as it lies in its directory. */
export interface Run {
  /** The settings; empty when there is no checkpoint. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The epochs that are done, ascending. */
  readonly epochs: readonly Epoch[];
  /** How many epochs are asked for. */
  readonly planned: number | undefined;
  /** Where the checkpoint is within an epoch, and the means of that epoch so far. */
  readonly position:
    | { readonly step: number; readonly loss?: number; readonly accuracy?: number }
    | undefined;
  /** Whether it came to its end. */
  readonly finished: boolean;
  /** Where it comes from: names and values. */
  readonly origin: readonly (readonly [name: string, value: string])[];
  /** What could not be read, in sentences. */
  readonly complaints: readonly string[];
}

type Fields = Readonly<Record<string, unknown>>;

const fieldsOf = (value: unknown): Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};

/** A finite number, also that of an interval; or `undefined`. */
function numeric(value: unknown): number | undefined {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  const inner = fieldsOf(value).value;
  return typeof inner === "number" && Number.isFinite(inner) ? inner : undefined;
}

function share(value: unknown): number | undefined {
  const number = numeric(value);
  return number !== undefined && number >= 0 && number <= 1 ? number : undefined;
}

function whole(value: unknown, from: number): number | undefined {
  const number = numeric(value);
  return number !== undefined && Number.isSafeInteger(number) && number >= from
    ? number
    : undefined;
}

/** The text of a file, `undefined` when there is none. */
function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw explain("read", path, error);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function epochOf(line: string): Epoch | undefined {
  const fields = fieldsOf(parsed(line));
  const epoch = whole(fields.epoch, 1);
  if (epoch === undefined) return undefined;
  const held = fieldsOf(fields.test);
  const test = {
    loss: numeric(held.loss),
    accuracy: share(held.accuracy ?? held.top1),
    top5: share(held.top5),
    pictures: whole(held.pictures, 1),
  };
  return {
    epoch,
    loss: numeric(fields.loss),
    accuracy: share(fields.accuracy),
    ...(test.loss === undefined && test.accuracy === undefined ? {} : { test }),
    rate: numeric(fields.rate),
    imagesPerSecond: numeric(fields.imagesPerSecond),
  };
}

function epochsOf(text: string): { epochs: Epoch[]; broken: number } {
  const lines = text.split("\n");
  // What stands behind the last line feed was cut off, unless it is a whole line by itself.
  const rest = lines.pop() ?? "";
  if (epochOf(rest) !== undefined) lines.push(rest);
  const found = new Map<number, Epoch>();
  let broken = 0;
  for (const line of lines) {
    if (line.trim() === "") continue;
    const epoch = epochOf(line);
    if (epoch === undefined) broken++;
    else found.set(epoch.epoch, epoch);
  }
  return { epochs: [...found.values()].sort((a, b) => a.epoch - b.epoch), broken };
}

/** The means of the epoch that the checkpoint is in. */
function positionOf(checkpoint: Fields, config: Fields): Run["position"] {
  const step = whole(checkpoint.step, 0);
  if (step === undefined) return undefined;
  const sums = fieldsOf(checkpoint.sums);
  const steps = whole(sums.steps, 1);
  const [loss, correct, batch] = [
    numeric(sums.loss),
    numeric(sums.correct),
    whole(config.batch, 1),
  ];
  if (steps === undefined || loss === undefined) return { step };
  const right =
    correct === undefined || batch === undefined ? undefined : share(correct / steps / batch);
  return { step, loss: loss / steps, accuracy: right };
}

/** Command, versions and machine, where they are written down. */
function originOf(checkpoint: Fields): [string, string][] {
  const names = [
    ["command", "Command"],
    ["versions", "Versions"],
    ["machine", "Machine"],
    ["made", "Made"],
  ] as const;
  const origin = { ...checkpoint, ...fieldsOf(checkpoint.origin) } as Fields;
  return names.flatMap(([key, name]) => {
    const value = origin[key];
    return typeof value === "string" ? [[name, value] as [string, string]] : [];
  });
}

/**
 * Reads what a run has left.
 * @param folder the directory of the run
 * @throws Failure when it has neither a checkpoint nor metrics, or these cannot be read
 */
export function readRun(folder: string): Run {
  const info = join(folder, "checkpoint.json");
  const [text, metrics] = [textOf(info), textOf(join(folder, "metrics.jsonl"))];
  if (text === undefined && metrics === undefined) {
    throw new Failure(
      `${quote(folder)} is not the directory of a run: it has neither checkpoint.json nor metrics.jsonl`,
    );
  }
  const complaints: string[] = [];
  const checkpoint = fieldsOf(parsed(text ?? ""));
  if (text === undefined) complaints.push("There is no checkpoint, so the settings are not known.");
  else if (Object.keys(checkpoint).length === 0) {
    complaints.push("The checkpoint cannot be read, so the settings are not known.");
  }
  const { epochs, broken } = epochsOf(metrics ?? "");
  if (broken > 0) {
    const lines = broken === 1 ? "line of the metrics is" : "lines of the metrics are";
    complaints.push(`${broken} ${lines} not of an epoch and left out.`);
  }
  const config = fieldsOf(checkpoint.config);
  const planned = whole(config.epochs, 1);
  const reached = whole(checkpoint.epoch, 0);
  return {
    config,
    epochs,
    planned,
    // After a kill the checkpoint may be of an epoch that the metrics have already.
    position: reached === (epochs.at(-1)?.epoch ?? 0) ? positionOf(checkpoint, config) : undefined,
    finished: planned !== undefined && reached !== undefined && reached >= planned,
    origin: originOf(checkpoint),
    complaints,
  };
}
