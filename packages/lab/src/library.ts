/** Calls of the packages below, whose errors become those of the command. */
import { OnnxError } from "@softpool/onnx";
import { UsageError } from "./errors.ts";

/** Runs work whose errors are about what the caller asked for: they become usage errors. */
export function asked<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof OnnxError) throw new UsageError(error.message);
    throw error;
  }
}
