/**
 * Opens what is evaluated: a network of the catalogue, with weights, or an ONNX file, its poolings
 * substituted where that is asked for.
 */
import { buildNetwork, findNetwork, type NetworkEntry, networks } from "@softpool/zoo";
import { explain, quote, UsageError } from "../errors.ts";
import { isDirectory, isFile } from "../paths.ts";
import { suggestion } from "../suggestion.ts";
import { asked } from "../zoo/options.ts";
import type { OpenedModel, OpenModelOptions } from "./model.ts";
import { openFile } from "./open-file.ts";
import { openNetwork } from "./open-network.ts";
import { weightPath } from "./weights.ts";

/**
 * The network that a name means; undefined for a file.
 * @throws UsageError when it is neither
 */
export function entryOf(text: string): NetworkEntry | undefined {
  if (/[/\\]|\.onnx$/i.test(text)) return undefined;
  const entry = findNetwork(text);
  if (entry !== undefined || isFile(text)) return entry;
  const names = networks.flatMap(({ name, aliases }) => [name, ...aliases]);
  throw new UsageError(
    `expected an ONNX file or a network (softpool models lists them), received ${quote(text)}${suggestion(text, names)}`,
  );
}

/**
 * Refuses what can be seen to be wrong before any data is opened, which may take long.
 * @param text name of a network of the catalogue, or path of an ONNX file
 * @param options as for {@link openModel}
 * @throws UsageError or Failure, one sentence
 */
export function expectModel(
  text: string,
  { pool, weights, size, remap }: Omit<OpenModelOptions, "classes" | "session">,
): void {
  const entry = entryOf(text);
  for (const [name, value] of Object.entries({ weights, remap })) {
    if (entry !== undefined || value === undefined || value === false) continue;
    throw new UsageError(
      `--${name}: expected with a network, ${quote(text)} is a whole model already`,
    );
  }
  const own = weights === undefined ? undefined : weightPath(weights);
  for (const file of [entry === undefined ? text : undefined, own]) {
    if (file === undefined || isFile(file)) continue;
    throw explain("read", file, isDirectory(file) ? { code: "EISDIR" } : { code: "ENOENT" });
  }
  if (entry !== undefined) {
    asked(() => buildNetwork(entry, { pool, size, remap, values: false }));
  }
}

/**
 * Opens a model for evaluation.
 * @param text name of a network of the catalogue, or path of an ONNX file
 * @param options pooling, weights, size, classes of the data, where it runs; {@link expectModel} was asked
 * @throws UsageError for what cannot be asked for, Failure for what cannot be read or does not fit, one
 * sentence each
 */
export function openModel(text: string, options: OpenModelOptions): Promise<OpenedModel> {
  const entry = entryOf(text);
  return entry === undefined ? openFile(text, options) : openNetwork(entry, options);
}
