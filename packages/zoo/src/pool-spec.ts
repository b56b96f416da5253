/**
 * The pooling specification: a text that says what pools where.
 *
 *     specification = item { "," item }
 *     item          = [ place "=" ] method { ":" setting "=" value } | variant
 *
 * A place is a name or a pattern (`*`, `?`); without one the method is meant for all places of the
 * trunk, which leaves out global poolings and those of auxiliary heads. A later item outdoes an earlier
 * one. `original` is what is there without any. Besides the settings of the method there are
 * `kernel=2x2` (2 wide without padding, where no shape changes) and `padding=zero` (padded taps are zeros;
 * by default they do not exist).
 *
 *     soft      maxpool1=soft,Mixed_5*=average      soft:beta=2      pool0=soft:kernel=2x2      soft-4
 */
import { OnnxError } from "@softpool/onnx";
import {
  type Context,
  catalogue,
  type Method,
  matches,
  methodOf,
  settingsOf,
} from "@softpool/poolings";
import type { NetworkEntry, Place, PoolChoice } from "./network.ts";

/** The choice that changes nothing. */
export const original: PoolChoice = {
  method: undefined,
  settings: {},
  kernel: "same",
  paddingMode: "ignore",
};

interface Rule {
  /** A pattern for places; `undefined` for the trunk. */
  readonly pattern: string | undefined;
  readonly choice: PoolChoice;
}

const quote = (text: string) => JSON.stringify(text);

function refuse(text: string, reason: string): never {
  throw new OnnxError(`pool: ${quote(text)}: ${reason}`);
}

/** The value of a setting: a number (`inf` too) or one of its words. */
function settingOf(method: Method, name: string, text: string, item: string): number | string {
  const setting = method.settings?.find((entry) => entry.name === name);
  if (setting?.values !== undefined) return text;
  const infinite = /^([+-]?)inf(inity)?$/i.exec(text);
  const value = infinite === null ? Number(text) : Number(`${infinite[1]}Infinity`);
  if (text.trim() === "" || Number.isNaN(value)) {
    refuse(item, `${name}: expected a number, received ${quote(text)}`);
  }
  return value;
}

/** `method:setting=value:...` as a choice. */
function choiceOf(text: string, item: string): PoolChoice {
  const [name, ...parts] = text.split(":").map((part) => part.trim());
  if (name === "original") {
    return parts.length === 0 ? original : refuse(item, "original has no settings");
  }
  const method = methodOf(name);
  const given: Record<string, number | string> = {};
  let kernel: PoolChoice["kernel"] = "same";
  let paddingMode: PoolChoice["paddingMode"] = "ignore";
  for (const part of parts) {
    const at = part.indexOf("=");
    if (at < 1) refuse(item, `expected SETTING=VALUE after ":", received ${quote(part)}`);
    const [setting, value] = [part.slice(0, at).trim(), part.slice(at + 1).trim()];
    if (setting === "kernel") {
      if (value !== "same" && value !== "2x2") {
        refuse(item, `kernel: expected same or 2x2, received ${quote(value)}`);
      }
      kernel = value;
    } else if (setting === "padding") {
      if (value !== "ignore" && value !== "zero") {
        refuse(item, `padding: expected ignore or zero, received ${quote(value)}`);
      }
      paddingMode = value;
    } else given[setting] = settingOf(method, setting, value, item);
  }
  const settings: Context["settings"] = settingsOf(method, given);
  return { method, settings, kernel, paddingMode };
}

function rulesOf(entry: NetworkEntry, text: string, depth = 0): Rule[] {
  return text.split(",").flatMap((part): Rule[] => {
    const item = part.trim();
    if (item === "") refuse(text, "expected a method, received nothing");
    const variant = entry.variants.find(({ name }) => name === item);
    if (variant !== undefined && depth === 0) return rulesOf(entry, variant.pool, 1);
    // An equals sign behind a colon belongs to a setting.
    const at = item.split(":")[0].indexOf("=");
    if (at === 0) refuse(item, "expected a place before =, received nothing");
    const pattern = at < 0 ? undefined : item.slice(0, at).trim();
    const method = item.slice(at + 1).trim();
    if (pattern === undefined && !isMethod(method)) {
      const variants = entry.variants.map(({ name }) => name);
      if (variants.length > 0) {
        const methods = catalogue.map(({ name }) => name).join(", ");
        refuse(
          item,
          `expected PLACE=METHOD, a variant of ${entry.name} (${variants.join(", ")}) or a method (${methods})`,
        );
      }
    }
    return [{ pattern, choice: choiceOf(method, item) }];
  });
}

function isMethod(text: string): boolean {
  const name = text.split(":")[0].trim();
  if (name === "original") return true;
  try {
    methodOf(name);
    return true;
  } catch {
    return false;
  }
}

/** A specification that was read: what pools in each place of a network. */
export class PoolSpecification {
  /** The text. */
  readonly text: string;
  readonly #rules: readonly Rule[];

  /**
   * @param entry the network, for its variants
   * @param text the specification; default `original`
   * @throws OnnxError when it is no specification, or a method or setting does not exist
   */
  constructor(entry: NetworkEntry, text = "original") {
    this.text = text;
    this.#rules = rulesOf(entry, text);
  }

  /** What pools in a place. */
  choose(place: Pick<Place, "name" | "kind" | "group">): PoolChoice {
    const rule = this.#rules.findLast(({ pattern }) =>
      pattern === undefined ? place.group === "trunk" : matches(pattern, place.name),
    );
    const choice = rule?.choice ?? original;
    // One tap of a window is no pooling: what comes there sees all four.
    const subsampled = place.kind === "subsample" && choice.method !== undefined;
    return subsampled ? { ...choice, kernel: "2x2" } : choice;
  }

  /**
   * Looks whether every pattern names a place.
   * @throws OnnxError for the first that does not
   */
  check(places: readonly Pick<Place, "name">[]): void {
    for (const { pattern } of this.#rules) {
      if (pattern === undefined || places.some(({ name }) => matches(pattern, name))) continue;
      const names = places.map(({ name }) => name).join(", ");
      refuse(this.text, `no place is called ${quote(pattern)}; there are: ${names}`);
    }
  }
}
