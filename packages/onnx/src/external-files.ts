/**
 * The files beside a model that hold its external tensors: found, checked, read, copied. A model may
 * name what it likes; nothing outside its folder is opened. Node only.
 */
import {
  closeSync,
  constants,
  openSync,
  readSync,
  realpathSync,
  type Stats,
  statSync,
} from "node:fs";
import { copyFile, type FileHandle, lstat, mkdir, open, realpath, unlink } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, sep } from "node:path";
import type { ModelProto, TensorProto } from "onnx-buf";
import { OnnxError, quote } from "./error.ts";
import { byteLength, externalPlace, forEachTensor, isExternal } from "./external.ts";
import { fileError, isMissing, replaceFile } from "./replace-file.ts";

/** A file with external tensors. */
export interface ExternalFile {
  /** How the model names it: relative to its folder. */
  readonly location: string;
  /** Where it really is. */
  readonly path: string;
  /** Its size in bytes. */
  readonly size: number;
}

/** The largest part that is read at once. */
const MAX_PART = 2 ** 30;

/** Whether a path is inside a folder; both must be real. */
export function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== "" && way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

/**
 * The folders that a model's data may lie in: the one it is named in and, when its name is a symbolic
 * link, the one where it really is.
 */
function foldersOf(path: string): string[] {
  const folders = [realpathSync(dirname(path))];
  try {
    folders.push(dirname(realpathSync(path)));
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  return folders;
}

/**
 * Finds the file of a location.
 * @param path the model's file; it need not exist yet
 * @param location a location that `externalPlace` gave
 * @param what what it belongs to, for errors
 * @throws OnnxError when it does not exist, is no file, or lies outside the model's folder
 */
export function findExternal(path: string, location: string, what: string): ExternalFile {
  const where = `${what}: external data ${quote(location)}`;
  let real: string;
  let stat: Stats;
  let folders: string[];
  try {
    folders = foldersOf(path);
    real = realpathSync(join(dirname(path), location));
    stat = statSync(real);
  } catch (error) {
    throw fileError(error, where, "read");
  }
  if (!folders.some((folder) => isInside(real, folder))) {
    throw new OnnxError(
      `${where}: expected a file inside the model's folder, found a link out of it`,
    );
  }
  if (!stat.isFile()) throw new OnnxError(`${where}: expected a file, found something else`);
  return { location, path: real, size: stat.size };
}

/**
 * The files that hold the external tensors of a model, each once.
 * @param model the model
 * @param path its file
 * @throws OnnxError when a tensor does not lie in an existing file inside the model's folder
 */
export function externalFiles(model: ModelProto, path: string): ExternalFile[] {
  const files = new Map<string, ExternalFile>();
  forEachTensor(model, (tensor) => {
    if (!isExternal(tensor)) return;
    const { location } = externalPlace(tensor);
    const what = `tensor ${quote(tensor.name)}`;
    const file = files.get(location) ?? findExternal(path, location, what);
    files.set(location, file);
    rangeOf(tensor, file);
  });
  return [...files.values()];
}

/** The bytes of a file that are a tensor: from, and how many. */
function rangeOf(tensor: TensorProto, file: ExternalFile): [offset: number, length: number] {
  const { offset, length } = externalPlace(tensor);
  const size = length ?? byteLength(tensor) ?? Math.max(0, file.size - offset);
  if (!(size >= 0 && offset + size <= file.size)) {
    throw new OnnxError(
      `tensor ${quote(tensor.name)}: expected ${size} bytes from byte ${offset} of ${quote(file.location)}, which has ${file.size}`,
    );
  }
  return [offset, size];
}

/**
 * Reads one external tensor.
 * @param path the model's file
 * @param tensor a tensor of that model
 * @returns its bytes: what `tensorFromProto` and `EvaluateOptions.external` take
 * @throws OnnxError when it does not lie in an existing file inside the model's folder
 */
export function externalBytes(path: string, tensor: TensorProto): Uint8Array {
  const what = `tensor ${quote(tensor.name)}`;
  const file = findExternal(path, externalPlace(tensor).location, what);
  const [offset, length] = rangeOf(tensor, file);
  let handle: number | undefined;
  try {
    const bytes = new Uint8Array(length);
    handle = openSync(file.path, "r");
    for (let done = 0; done < length; ) {
      const part = Math.min(length - done, MAX_PART);
      const read = readSync(handle, bytes, done, part, offset + done);
      if (read === 0) throw new OnnxError(`${what}: its external data became shorter`);
      done += read;
    }
    return bytes;
  } catch (error) {
    throw fileError(error, `${what}: external data ${quote(file.location)}`, "read");
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
}

/**
 * Copies an external file beside a model in another folder. One of the same content that is there
 * already stays; links and other names of files that are there are never written through.
 * @param file the file
 * @param folder the other folder, real
 * @returns the path that was made; `undefined` when it was there
 * @throws OnnxError when another file of that name is there, or it cannot be written
 */
export async function copyExternal(
  file: ExternalFile,
  folder: string,
): Promise<string | undefined> {
  const target = join(folder, file.location);
  const what = quote(target);
  try {
    await mkdir(dirname(target), { recursive: true });
    const parent = await realpath(dirname(target));
    if (parent !== folder && !isInside(parent, folder)) {
      throw new OnnxError(`${what}: cannot be written: a link leads out of the model's folder`);
    }
    if (await exists(target)) {
      if (isInside(await realpath(target), folder) && (await sameContent(file.path, target))) {
        return undefined;
      }
      throw new OnnxError(
        `${what}: cannot be written: another file of that name is there; choose another folder`,
      );
    }
    const flags = constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE;
    await replaceFile(target, (temporary) => copyFile(file.path, temporary, flags));
    return target;
  } catch (error) {
    throw fileError(error, what, "written");
  }
}

/** Removes what was made by {@link copyExternal}; what cannot be removed stays. */
export async function removeCopies(paths: readonly string[]): Promise<void> {
  for (const path of paths) await unlink(path).catch(() => {});
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

/** Whether two files have the same bytes. */
async function sameContent(a: string, b: string): Promise<boolean> {
  const handles: FileHandle[] = [];
  try {
    for (const path of [a, b]) handles.push(await open(path, "r"));
    const [x, y] = await Promise.all(handles.map((handle) => handle.stat({ bigint: true })));
    if (x.dev === y.dev && x.ino === y.ino) return true;
    if (!y.isFile() || x.size !== y.size) return false;
    const parts = handles.map(() => Buffer.allocUnsafe(2 ** 20));
    for (let at = 0; at < x.size; ) {
      const [n, m] = await Promise.all(
        handles.map(async (handle, i) => (await handle.read(parts[i], 0, 2 ** 20, at)).bytesRead),
      );
      const size = Math.min(n, m);
      if (size === 0 || parts[0].compare(parts[1], 0, size, 0, size) !== 0) return false;
      at += size;
    }
    return true;
  } finally {
    for (const handle of handles) await handle.close();
  }
}
