/** The pooling methods of the commands: names, titles and functions, listed once. */
import { methodOf } from "@softpool/poolings";
import {
  avgPool2d,
  maxPool2d,
  type PoolOptions,
  powerAvgPool2d,
  type SoftPoolOptions,
  softPool2d,
  sumPool2d,
  type Tensor,
} from "softpool";
import { UsageError } from "./errors.ts";
import { suggestion } from "./suggestion.ts";

/** Options of a pooling here: the window, and SoftPool's temperature. */
export type MethodOptions = PoolOptions & Pick<SoftPoolOptions, "beta">;

/** A pooling method. */
export interface Method {
  /** The name in options and tables. */
  readonly name: string;
  /** Other names it answers to. */
  readonly aliases: readonly string[];
  /** A heading. */
  readonly title: string;
  /** Pools `[N, C, H, W]`. */
  pool(x: Tensor<Float32Array>, options: MethodOptions): Tensor<Float32Array>;
}

function windowOf({ beta: _, ...window }: MethodOptions): PoolOptions {
  return window;
}

type Pool = Method["pool"];

/** The methods that the operator has, in the order of tables: the others exist as graphs only. */
const operators: readonly (readonly [name: string, title: string, pool: Pool])[] = [
  ["soft", "SoftPool", (x, options) => softPool2d(x, options)],
  ["average", "Average", (x, options) => avgPool2d(x, windowOf(options))],
  ["maximum", "Maximum", (x, options) => maxPool2d(x, windowOf(options))],
  ["sum", "Sum", (x, options) => sumPool2d(x, windowOf(options))],
  ["power-average", "Power average", (x, options) => powerAvgPool2d(x, windowOf(options))],
];

/** All methods, in the order of tables; names and aliases are those of the catalogue. */
export const methods: readonly Method[] = operators.map(([name, title, pool]) => ({
  name,
  aliases: methodOf(name).aliases,
  title,
  pool,
}));

/** The method of a name or alias; an unknown one is a usage error that suggests the nearest. */
export function findMethod(name: string): Method {
  const wanted = name.trim().toLowerCase();
  const found = methods.find((m) => m.name === wanted || m.aliases.includes(wanted));
  if (found !== undefined) return found;
  const names = methods.flatMap((m) => [m.name, ...m.aliases]);
  const hint = suggestion(wanted, names);
  const all = methods.map((m) => m.name).join(", ");
  throw new UsageError(`--method: expected one of ${all}, received ${JSON.stringify(name)}${hint}`);
}
