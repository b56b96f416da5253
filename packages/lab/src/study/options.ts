/** Options that studies share. */
import { catalogue, findMethod, type Method } from "@softpool/poolings";
import { positiveInteger, wordsOf } from "../args.ts";
import { UsageError } from "../errors.ts";
import { suggestion } from "../suggestion.ts";

/**
 * Methods of the catalogue by name or alias, each once.
 * @param text names between commas; `undefined` for all
 * @throws UsageError for an unknown one, which suggests the nearest
 */
export function methodsOption(text: string | undefined): readonly Method[] {
  if (text === undefined) return catalogue;
  const found = wordsOf(text).map((word) => {
    const name = word.toLowerCase();
    const method = findMethod(name);
    if (method !== undefined) return method;
    const names = catalogue.flatMap((entry) => [entry.name, ...entry.aliases]);
    const all = catalogue.map((entry) => entry.name).join(", ");
    throw new UsageError(
      `--methods: expected one of ${all}, received ${JSON.stringify(word)}${suggestion(name, names)}`,
    );
  });
  return [...new Set(found)];
}

/**
 * Whole numbers from 1 between commas, ascending, each once.
 * @throws UsageError that names the option
 */
export function integersOption(option: string, text: string): number[] {
  return wordsOf(text)
    .map((word) => positiveInteger(option, word))
    .sort((a, b) => a - b);
}
