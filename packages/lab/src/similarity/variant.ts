/** What is compared in a similarity study: methods with their settings, learned or not, drawing or not. */
import { poolWindow } from "@softpool/onnx";
import { catalogue, type Method, methodOf, type Site, settingsOf } from "@softpool/poolings";
import type { Config } from "../study/cell.ts";

/** Settings by name. */
export type Settings = Readonly<Record<string, number | string>>;

/** A way to pool. */
export interface Variant {
  /** Name of the method in the catalogue. */
  readonly method: string;
  /** Settings that differ from their defaults. */
  readonly settings: Settings;
  /** `fixed` has nothing to learn; `initial` has initial parameters, `fitted` those that were fitted. */
  readonly state: "fixed" | "initial" | "fitted";
  /** Whether it draws by chance as in training. */
  readonly phase: "inference" | "training";
}

/** Methods that the operator has: these are pooled by the engine `wasm`. */
export const OPERATORS: readonly string[] = ["soft", "average", "maximum", "sum", "power-average"];

/** Whether the operator pools it; otherwise ONNX Runtime does. */
export function isOperator({ method }: Pick<Variant, "method">): boolean {
  return OPERATORS.includes(method);
}

/** The name of a variant in tables: `soft`, `soft, beta 2`, `gate (fitted)`, `s3 (training)`. */
export function variantName({ method, settings, state, phase }: Variant): string {
  const set = Object.entries(settings).map(([name, value]) => `, ${name} ${value}`);
  const states = [...(state === "fixed" ? [] : [state]), ...(phase === "training" ? [phase] : [])];
  return `${method}${set.join("")}${states.length > 0 ? ` (${states.join(", ")})` : ""}`;
}

/** A variant as it stands in a configuration. */
export function variantConfig({ method, settings, state, phase }: Variant): Config {
  return { method, settings, state, phase };
}

/** The variant that a configuration describes. */
export function variantOf(config: Config): Variant {
  const { method, settings, state, phase } = config as unknown as Variant;
  return { method, settings, state, phase };
}

/** The place of a variant in tables: the order of the catalogue, then of states and settings. */
export function variantOrder(a: Variant, b: Variant): number {
  const place = ({ method, state, phase, settings }: Variant) => [
    // The methods of the operator first.
    OPERATORS.includes(method)
      ? OPERATORS.indexOf(method)
      : OPERATORS.length + catalogue.findIndex(({ name }) => name === method),
    Object.keys(settings).length === 0 ? 0 : 1,
    Number(settings.beta ?? 0),
    state === "fitted" ? 1 : 0,
    phase === "training" ? 1 : 0,
  ];
  const [x, y] = [place(a), place(b)];
  const at = x.findIndex((value, i) => value !== y[i]);
  if (at >= 0) return x[at] - y[at];
  const [m, n] = [variantName(a), variantName(b)];
  return m < n ? -1 : m > n ? 1 : 0;
}

/** Whether the result depends on a seed: training draws, or initial parameters were drawn. */
export function isSeeded(variant: Variant, kernel: number): boolean {
  if (variant.phase === "training") return true;
  if (variant.state !== "initial") return false;
  const method = methodOf(variant.method);
  let drawn = false;
  const uniform = () => {
    drawn = true;
    return 0.5;
  };
  const settings = settingsOf(method, variant.settings);
  for (const parameter of method.parameters?.(siteOf(kernel, 3), settings) ?? []) {
    parameter.initial(uniform);
  }
  return drawn;
}

/** The place of a pooling with stride = kernel. */
export function siteOf(kernel: number, channels: number): Site {
  return {
    window: poolWindow([kernel, kernel], { strides: [kernel, kernel] }),
    channels,
  };
}

/** Taps beyond which a window is not composed tap by tap. */
const MAX_TAPS = 1024;

/** Why a method cannot pool with a kernel, one clause, or `undefined` when it can. */
export function whyNot(variant: Variant, kernel: number): string | undefined {
  const { method: name, settings } = variant;
  if (isOperator(variant)) return undefined;
  if (kernel ** 2 > MAX_TAPS) {
    return `a window of ${kernel ** 2} taps is too large for its graph, expected at most ${MAX_TAPS}`;
  }
  const method = methodOf(name);
  return method.refuse?.(siteOf(kernel, 3), settingsOf(method, settings));
}

/** What a study compares of a method. */
export interface VariantOptions {
  /** Settings of the method that differ from their defaults; default none. */
  readonly settings?: Settings;
  /** Whether fitted parameters are compared too. */
  readonly fit: boolean;
}

/** Whether a method draws in training with its settings. */
function draws(method: Method, settings: Settings): boolean {
  if (!method.random) return false;
  return (method.noise?.(siteOf(2, 3), settingsOf(method, settings)) ?? []).length > 0;
}

/** The variants of a method: initial and fitted where it learns, drawing and not where it draws. */
export function variantsOf(method: Method, { settings = {}, fit }: VariantOptions): Variant[] {
  const learns = method.trained;
  const base = { method: method.name, settings, state: learns ? "initial" : "fixed" } as const;
  const variants: Variant[] = [{ ...base, phase: "inference" }];
  if (draws(method, settings)) variants.push({ ...base, phase: "training" });
  if (learns && fit) variants.push({ ...base, state: "fitted", phase: "inference" });
  return variants;
}
