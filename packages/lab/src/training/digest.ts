/**
 * What a run began with, in a number: SHA-256 of a weight file, or of a model with all that belongs to it.
 * For a model without external tensors it is the digest of its file; else the digest of these lines:
 *
 *     digest of the file
 *     digest of an external file, a space, its location as JSON    for each, in the order of locations
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import type { ModelFile } from "@softpool/onnx/files";
import { explain } from "../errors.ts";
import { digestOf } from "./checkpoint.ts";

/**
 * SHA-256 of a file of any size, in hexadecimal.
 * @throws Failure when it cannot be read
 */
export async function fileDigest(path: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    for await (const part of createReadStream(path, { highWaterMark: 2 ** 20 })) hash.update(part);
  } catch (error) {
    throw explain("read", path, error);
  }
  return hash.digest("hex");
}

/**
 * SHA-256 of a model that was read, in hexadecimal; its external files are read for it.
 * @throws Failure when one of them cannot be read
 */
export async function modelDigest({
  bytes,
  external,
}: Pick<ModelFile, "bytes" | "external">): Promise<string> {
  const own = digestOf(bytes);
  if (external.length === 0) return own;
  const lines = [own];
  const ordered = [...external].sort((a, b) => (a.location < b.location ? -1 : 1));
  for (const { path, location } of ordered) {
    lines.push(`${await fileDigest(path)} ${JSON.stringify(location)}`);
  }
  return digestOf(Buffer.from(lines.join("\n")));
}
