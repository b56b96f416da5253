/** Opens an ONNX file for evaluation, its poolings substituted where that is asked for. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ModelProto, writeModel } from "@softpool/onnx";
import { type ModelFile, readModelFile, writeModelFile } from "@softpool/onnx/files";
import { createSession, type Session, type SessionOptions } from "@softpool/onnx/session-node";
import { quote } from "../errors.ts";
import { asked } from "../zoo/options.ts";
import { inspectModel } from "./inspect.ts";
import { failing, type OpenedModel, type OpenModelOptions } from "./model.ts";
import { expectClasses } from "./signature.ts";
import { substitute } from "./substitute.ts";

/** Opens a session for a model that is no longer what its file holds. */
async function openChanged(
  model: ModelProto,
  { path, external }: ModelFile,
  options: SessionOptions,
): Promise<Session> {
  if (external.length === 0) return createSession(writeModel(model), options);
  const folder = mkdtempSync(join(tmpdir(), "softpool-eval-"));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    const copy = join(folder, "model.onnx");
    await writeModelFile(model, copy, { source: path });
    const session = await createSession(copy, options);
    // The runtime may read tensors as it needs them.
    const dispose = () => session.dispose().finally(remove);
    return { ...session, dispose };
  } catch (error) {
    remove();
    throw error;
  }
}

/**
 * Opens a file.
 * @param path the ONNX file
 * @param options pooling, size, classes of the data, where it runs
 * @throws UsageError for a pooling or a size that cannot be; Failure for a file that cannot be read, is no
 * classifier or tells other classes apart
 */
export async function openFile(path: string, options: OpenModelOptions): Promise<OpenedModel> {
  const title = quote(path);
  const file = await failing(() => readModelFile(path));
  const { model } = file;
  const about = inspectModel(model, title, options.size);
  const { input, batch, channels, classes } = about.signature;
  expectClasses(title, classes, options.classes);
  const { entry, size } = about;
  const { pool } = options;
  const substituted =
    pool === undefined
      ? undefined
      : asked(() =>
          substitute(model, {
            ...{ pool, title, entry },
            inputs: { [input]: [batch ?? 1, channels, size, size] },
          }),
        );
  const session = await failing(() =>
    substituted === undefined
      ? createSession(path, options.session)
      : openChanged(substituted.model, file, options.session),
  );
  const { pool: own, scores } = about;
  const opened = { title, network: entry?.name, pool: own, size, channels, scores, session };
  return { ...opened, substituted, notes: [] };
}
