/** The error of everything that reads, checks, evaluates or runs a graph: one sentence. */
export class OnnxError extends Error {
  /** The name, so that the error can be told from others across realms. */
  override readonly name = "OnnxError";
}

/** A text in quotes, whole, with control characters and directions of writing escaped. */
export function quoted(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** A name from a file in quotes, for errors: as {@link quoted}, shortened to 120 characters. */
export function quote(name: string): string {
  return quoted(name.length > 120 ? `${name.slice(0, 117)}...` : name);
}
