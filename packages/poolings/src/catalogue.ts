/**
 * All pooling methods, listed once: commands, studies, pages and documents derive from this list. A new
 * method is one file and one line here.
 */
import { OnnxError } from "@softpool/onnx";
import type { Method } from "./method.ts";
import { soft } from "./soft.ts";

/** Every method, in the order of tables. */
export const catalogue: readonly Method[] = [soft];

/** The method of a name or an alias, or `undefined`. */
export function findMethod(name: string): Method | undefined {
  return catalogue.find((method) => method.name === name || method.aliases.includes(name));
}

/**
 * The method of a name or an alias.
 * @throws OnnxError that lists the names when there is none
 */
export function methodOf(name: string): Method {
  const method = findMethod(name);
  if (method === undefined) {
    const names = catalogue.map((entry) => entry.name).join(", ");
    throw new OnnxError(`method: expected one of ${names}, received ${JSON.stringify(name)}`);
  }
  return method;
}
