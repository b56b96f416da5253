/** The error of everything that reads, checks, evaluates or runs a graph: one sentence. */
export class OnnxError extends Error {
  /** The name, so that the error can be told from others across realms. */
  override readonly name = "OnnxError";
}

/** A name from a file in quotes, shortened, with control characters shown harmlessly. */
export function quote(name: string): string {
  const short = name.length > 120 ? `${name.slice(0, 117)}...` : name;
  return JSON.stringify(short).replace(
    /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
