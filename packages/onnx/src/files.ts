/**
 * Models as files (`@softpool/onnx/files`, Node only). External tensors are never loaded with a model,
 * so that models of any size can be read, edited and written; where they lie is checked.
 */
import { type BigIntStats, constants } from "node:fs";
import { access, readFile, realpath, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { ModelProto } from "onnx-buf";
import { OnnxError, quote } from "./error.ts";
import {
  copyExternal,
  type ExternalFile,
  externalFiles,
  isInside,
  removeCopies,
} from "./external-files.ts";
import { MAX_MODEL_BYTES, type ReadOptions, readModel, writeModel } from "./model.ts";
import { fileError, isMissing, replaceFile } from "./replace-file.ts";

export { type ExternalFile, externalBytes } from "./external-files.ts";

/** A model that was read from a file. */
export interface ModelFile {
  /** The model; its external tensors are not loaded. */
  readonly model: ModelProto;
  /** The file, as it was named. */
  readonly path: string;
  /** Its bytes, which the tensors of the model are views of: they must not be changed. */
  readonly bytes: Uint8Array;
  /** The files beside it that hold its external tensors, each once. */
  readonly external: readonly ExternalFile[];
}

/** How a model is written. */
export interface WriteOptions {
  /**
   * The file that the model was read from: its external files are beside it. Default: they are beside
   * the file that is written.
   */
  readonly source?: string;
}

/**
 * Reads a model. External tensors stay where they are; {@link externalBytes} reads one.
 * @param path the ONNX file
 * @param options whether the model is checked, and its name in errors; default the path
 * @throws OnnxError when the file cannot be read, is larger than 2 GiB or no model, or when an external
 *   tensor does not lie in an existing file inside the model's folder, also after symbolic links
 */
export async function readModelFile(path: string, options: ReadOptions = {}): Promise<ModelFile> {
  const name = options.name ?? quote(path);
  let bytes: Uint8Array;
  try {
    const found = await stat(path);
    if (!found.isFile()) throw new OnnxError(`${name}: expected a file, found something else`);
    if (found.size > MAX_MODEL_BYTES) {
      throw new OnnxError(
        `${name}: expected at most ${MAX_MODEL_BYTES} bytes (2 GiB), found ${found.size}; an ONNX file cannot be larger, its tensors are stored as external data then`,
      );
    }
    bytes = await readFile(path);
  } catch (error) {
    throw fileError(error, name, "read");
  }
  const model = readModel(bytes, { ...options, name });
  try {
    return { model, path, bytes, external: externalFiles(model, path) };
  } catch (error) {
    throw new OnnxError(`${name}: ${fileError(error, "external data", "read").message}`);
  }
}

/**
 * Writes a model: as a whole or not at all. A file that is there is replaced, a symbolic link too. In
 * another folder than the source's the external files are copied beside it; in the same folder they
 * are shared.
 * @param model the model
 * @param path the ONNX file
 * @param options where the model came from
 * @throws OnnxError when the model is too large, a file cannot be written, another file has the name of
 *   an external one, or the model would replace its own external data
 */
export async function writeModelFile(
  model: ModelProto,
  path: string,
  options: WriteOptions = {},
): Promise<void> {
  const name = quote(path);
  const bytes = writeModel(model);
  const copies: string[] = [];
  try {
    const external = externalFiles(model, options.source ?? path);
    const folder = await realpath(dirname(path));
    const target = join(folder, basename(path));
    const there = await statOrNothing(target);
    if (there !== undefined && !there.isFile()) {
      const found = there.isDirectory() ? "a folder" : "a device or the like";
      throw new OnnxError(`${name}: cannot be written: it is ${found}`);
    }
    await refuseOwnData(external, target, there, name);
    const home = await realpath(dirname(options.source ?? path));
    const shared = isSame(await bigStat(home), await bigStat(folder));
    await access(folder, constants.W_OK);
    for (const file of external) {
      if (shared) refuseOutside(file, folder, name);
      else {
        const copy = await copyExternal(file, folder);
        if (copy !== undefined) copies.push(copy);
      }
    }
    await replaceFile(target, (temporary) => writeFile(temporary, bytes, { flag: "wx" }));
  } catch (error) {
    await removeCopies(copies);
    throw fileError(error, name, "written");
  }
}

const bigStat = (path: string): Promise<BigIntStats> => stat(path, { bigint: true });

async function statOrNothing(path: string): Promise<BigIntStats | undefined> {
  try {
    return await bigStat(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

const isSame = (a: BigIntStats, b: BigIntStats): boolean => a.dev === b.dev && a.ino === b.ino;

/** Refuses to put the model where its external data are, or where they are to be copied. */
async function refuseOwnData(
  external: readonly ExternalFile[],
  target: string,
  there: BigIntStats | undefined,
  name: string,
): Promise<void> {
  for (const file of external) {
    const own = there !== undefined && isSame(there, await bigStat(file.path));
    if (own || join(dirname(target), file.location) === target) {
      throw new OnnxError(
        `${name}: cannot be written: the model's external data ${quote(file.location)} would be lost; choose another name`,
      );
    }
  }
}

/** Refuses shared data that the written file, which is no link, could not be read with. */
function refuseOutside(file: ExternalFile, folder: string, name: string): void {
  if (isInside(file.path, folder)) return;
  throw new OnnxError(
    `${name}: cannot be written: the external data ${quote(file.location)} are a link out of this folder; choose another folder, they are copied there`,
  );
}
