/** What swaps write about themselves into a model's metadata: a JSON list, one entry for every swap. */
import { type ModelProto, metadata, setMetadata } from "@softpool/onnx";
import type { PaddingMode } from "./apply.ts";
import type { Context } from "./method.ts";

/** The key of the record. */
export const METADATA_KEY = "softpool.swap";

/** What was asked of a swap. */
export interface SwapRequest {
  /** The method that came in. */
  readonly to: string;
  /** Its settings, those of the form left out. */
  readonly settings: Context["settings"];
  /** `same` or `2x2`. */
  readonly kernel: string;
  /** Padded taps. */
  readonly paddingMode: PaddingMode;
  /** Whether operators were written in place. */
  readonly inline: boolean;
}

/** An entry of the record. */
export interface SwapEntry extends SwapRequest {
  /** The layers that were replaced: their names, and what they were. */
  readonly layers: readonly { readonly name: string; readonly from: string }[];
}

function isEntry(value: unknown): value is SwapEntry {
  const entry = value as Partial<SwapEntry> | null;
  return (
    typeof entry === "object" &&
    typeof entry?.to === "string" &&
    Array.isArray(entry.layers) &&
    entry.layers.every((layer) => typeof layer?.name === "string")
  );
}

/** The entries of a model; what is not ours is left out. */
export function swapRecord(model: ModelProto): SwapEntry[] {
  try {
    const parsed: unknown = JSON.parse(metadata(model, METADATA_KEY) ?? "[]");
    return Array.isArray(parsed) ? parsed.filter(isEntry) : [];
  } catch {
    return [];
  }
}

/** Adds an entry. */
export function addRecord(model: ModelProto, entry: SwapEntry): void {
  setMetadata(model, METADATA_KEY, JSON.stringify([...swapRecord(model), entry]));
}

/** Whether a model was swapped as is asked for. */
export function isRecorded(model: ModelProto, request: SwapRequest): boolean {
  const text = (entry: SwapRequest) =>
    JSON.stringify([
      entry.to,
      Object.entries(entry.settings ?? {}).sort(),
      entry.kernel,
      entry.paddingMode,
      entry.inline,
    ]);
  return swapRecord(model).some((entry) => text(entry) === text(request));
}
