/**
 * The straight-line code of one window whose taps are in registers: values of one output, or of four
 * neighbouring channels at once. Sums are trees, so that rounding errors do not pile up. It is right for
 * windows whose largest |x|, in bits, lies below a limit; `most` tells.
 *
 * SoftPool here is that of soft.ts with q = +-1/2 and moderate temperatures, so that s1 s2 is one number.
 */
import type { Method } from "../../options.ts";

/** A tap: its bits, and where it may lie outside the input the condition that it does not. */
export interface Tap {
  /** Expression of the bits, `u32` or `vec4<u32>`. */
  readonly bits: string;
  /** Expression that is true when the tap exists; absent when it always does. */
  readonly exists?: string;
}

/** How wide the code is: one value or four. */
export interface Lanes {
  /** Type of floats. */
  readonly f: "f32" | "vec4<f32>";
  /** Type of bits. */
  readonly u: "u32" | "vec4<u32>";
  /** Type of ordered integers. */
  readonly i: "i32" | "vec4<i32>";
}

/** One value. */
export const ONE: Lanes = { f: "f32", u: "u32", i: "i32" };
/** Four values. */
export const FOUR: Lanes = { f: "vec4<f32>", u: "vec4<u32>", i: "vec4<i32>" };

/** Folds expressions as a balanced tree. */
function tree(items: readonly string[], join: (a: string, b: string) => string): string {
  if (items.length === 1) return items[0];
  const half = items.length >> 1;
  return join(tree(items.slice(0, half), join), tree(items.slice(half), join));
}

const plus = (a: string, b: string) => `(${a} + ${b})`;
const most = (a: string, b: string) => `max(${a}, ${b})`;

/** A window's code: statements, the largest |x| in bits, and names of what it computed. */
export interface WindowCode {
  /** Statements; all names end in the window's number. */
  readonly code: string;
  /** Name of the largest |x| as bits. */
  readonly most: string;
  /** Expression of the result's bits. */
  readonly result: string;
  /** Expressions of what a backward keeps, as bits. */
  readonly kept: readonly string[];
  /** Expression of tap i's slope, `f`. */
  slope(i: number): string;
}

/**
 * Generates the code of a window.
 * @param method the method
 * @param taps its taps in order
 * @param lanes one value or four
 * @param n number of the window, part of all names
 * @param divisor expression of the number of taps an average divides by
 * @param weights SoftPool's published gradient
 */
export function windowCode(
  method: Method,
  taps: readonly Tap[],
  lanes: Lanes,
  n: number,
  divisor: string,
  weights = false,
): WindowCode {
  const { f, u, i } = lanes;
  const name = (letter: string, tap: number) => `${letter}${n}_${tap}`;
  const all = (letter: string) => taps.map((_, tap) => name(letter, tap));
  const lines = [
    `let a${n} = ${tree(
      taps.map(({ bits }) => `(${bits} & ${u}(ABS))`),
      most,
    )};`,
  ];
  const each = (letter: string, code: (tap: Tap, k: number) => string) => {
    taps.forEach((tap, k) => {
      lines.push(`let ${name(letter, k)} = ${code(tap, k)};`);
    });
  };
  const unless = (tap: Tap, value: string, absent: string) =>
    tap.exists === undefined ? value : `select(${absent}, ${value}, ${tap.exists})`;
  const done = (result: string, kept: string[], slope: (k: number) => string): WindowCode => ({
    code: lines.map((line) => `  ${line}\n`).join(""),
    most: `a${n}`,
    result,
    kept,
    slope,
  });

  switch (method) {
    case "soft": {
      each("z", (tap) => unless(tap, `bitcast<${f}>(${tap.bits}) * q`, `${f}(LOWEST)`));
      lines.push(`let m${n} = ${tree(all("z"), most)};`);
      each("d", (_, k) => `max(${name("z", k)} - m${n}, ${f}(low))`);
      each("t", (_, k) => `${name("d", k)} * scale`);
      each("e", (tap, k) => unless(tap, `exp(${name("t", k)})`, `${f}(0.0)`));
      const dot = (letter: string) =>
        tree(
          taps.map((_, k) => `${name("e", k)} * ${name(letter, k)}`),
          plus,
        );
      lines.push(`let sum${n} = ${tree(all("e"), plus)};`);
      const kept = [`m${n}`, `sum${n}`, `(${dot("t")}) / sum${n}`].map(
        (e) => `bitcast<${u}>(${e})`,
      );
      const slope = (k: number) =>
        weights
          ? `${name("e", k)} / sum${n}`
          : `${name("e", k)} / sum${n} * (${f}(1.0) + ${name("t", k)} - tau${n})`;
      return done(`bitcast<${u}>((m${n} + (${dot("d")}) / sum${n}) * q * 4.0)`, kept, slope);
    }
    case "maximum": {
      each("k", (tap) => unless(tap, `keyOf${i === "i32" ? "" : "4"}(${tap.bits})`, `${i}(LEAST)`));
      lines.push(`let m${n} = ${tree(all("k"), most)};`);
      const first = taps.reduceRight(
        (rest, _, k) =>
          k === taps.length - 1
            ? `${u}(${k}u)`
            : `select(${rest}, ${u}(${k}u), ${name("k", k)} == m${n})`,
        "",
      );
      const nan = `a${n} > ${u}(INF)`;
      const bits = `bitcast<${u}>(select(m${n}, m${n} ^ ${i}(0x7fffffff), m${n} < ${i}(0)))`;
      return done(
        `select(${bits} ^ ${u}(P.flip), ${u}(NAN), ${nan})`,
        [`select(${first}, ${u}(0xffffffffu), ${nan})`],
        (k) => `select(${f}(0.0), ${f}(1.0), first${n} == ${u}(${k}u))`,
      );
    }
    case "average":
    case "sum": {
      each("v", (tap) => unless(tap, `bitcast<${f}>(${tap.bits})`, `${f}(0.0)`));
      const total = tree(all("v"), plus);
      const average = method === "average";
      const value = average ? `(${total}) / ${divisor}` : total;
      return done(`bitcast<${u}>(${value})`, [], () =>
        average ? `${f}(1.0 / ${divisor})` : `${f}(1.0)`,
      );
    }
    default:
      throw new Error(`no fast code for ${method}`);
  }
}

/** What the code of windows refers to besides the careful kernel's declarations. */
export const LANES_WGSL: string = `
const LOWEST: f32 = -0x1.fffffep+126f;
const LEAST: i32 = -0x7fffffff - 1;
`;

/** The order of floats, four at once. */
export const KEYS_WGSL: string = `
fn keyOf4(bits: vec4<u32>) -> vec4<i32> {
  let b = bits ^ vec4<u32>(P.flip);
  let i = bitcast<vec4<i32>>(select(b, vec4<u32>(), b == vec4<u32>(SIGN)));
  return select(i, i ^ vec4<i32>(0x7fffffff), i < vec4<i32>());
}
`;
