/**
 * The fast kernels: one shader per window, all taps in registers, every tap read once by the thread that
 * needs it. With channels last a thread takes four channels of one output, as vectors; with channels
 * first it takes some neighbouring outputs of a row, whose taps it shares, from vectors of four columns.
 * Windows with values that need care are left to the careful code, which stands in the same shader.
 */
import type { Method } from "../../options.ts";
import { PARAMS_WGSL } from "../params.ts";
import {
  declare,
  entry,
  prelude,
  quadReader,
  quadWrite,
  reader,
  type Storage,
} from "./elements.ts";
import { SUM_WGSL } from "./gather.ts";
import { keptTables, methodWgsl } from "./generic.ts";
import { FOUR, KEYS_WGSL, LANES_WGSL, ONE, type Tap, windowCode } from "./lanes.ts";
import { SLOPE_WGSL } from "./soft.ts";
import { PLACE_WGSL } from "./window.ts";

/** Three numbers, along D, H and W. */
export type Triple = readonly [number, number, number];

/** Everything that is written into a fast shader. */
export interface Variant {
  /** Results, what a backward keeps, or the gradients of windows that do not overlap. */
  readonly kind: "forward" | "keep" | "backward";
  /** The method; not the power average. */
  readonly method: Method;
  /** How elements are stored. */
  readonly storage: Storage;
  /** Channels last: four channels a thread. Else `outputs` neighbouring outputs of a row. */
  readonly channelsLast: boolean;
  /** Outputs a thread computes, with channels first. */
  readonly outputs: number;
  /** Where the first column of a thread lies in its vector of four, with channels first: 0 to 3. */
  readonly phase: number;
  /** Taps per axis. */
  readonly kernel: Triple;
  /** Distance of windows per axis. */
  readonly stride: Triple;
  /** Distance of taps per axis. */
  readonly dilation: Triple;
  /** Axes along which windows reach outside the input. */
  readonly padded: readonly [boolean, boolean, boolean];
  /** Taps outside are zeros. */
  readonly zero: boolean;
  /** SoftPool with a temperature per channel. */
  readonly perChannel: boolean;
  /** SoftPool's published gradient. */
  readonly weights: boolean;
}

const range = (n: number) => Array.from({ length: n }, (_, i) => i);

/** Positions along one axis: tap a is at `<c><a>`, kept inside the input, and exists if `v<c><a>`. */
function positions(v: Variant, axis: 0 | 1 | 2): string {
  const c = "dhw"[axis];
  const C = "DHW"[axis];
  const lines = [`let ${c} = at.${c} * ${v.stride[axis]} - P.pad${C};`];
  for (const a of range(v.kernel[axis])) {
    const at = `${c} + ${a * v.dilation[axis]}`;
    if (!v.padded[axis]) {
      lines.push(`let ${c}${a} = u32(${at});`);
      continue;
    }
    lines.push(`let ${c}${a} = u32(clamp(${at}, 0, P.in${C} - 1));`);
    lines.push(`let v${c}${a} = ${at} >= 0 && ${at} < P.in${C};`);
  }
  return lines.map((line) => `  ${line}\n`).join("");
}

/** The condition that a tap exists, from those of the axes; undefined when it always does. */
function existence(v: Variant, tap: Triple, w?: string): string | undefined {
  const parts = ([0, 1, 2] as const).map((axis) => {
    if (!v.padded[axis]) return "";
    return axis === 2 && w !== undefined ? w : `v${"dhw"[axis]}${tap[axis]}`;
  });
  return parts.filter(Boolean).join(" && ") || undefined;
}

/** The taps of all windows of a thread, the statements that load them, and where they lie. */
interface Loads {
  code: string;
  /** Per window of the thread, its taps. */
  windows: Tap[][];
}

/** A loaded value as a tap: absent outside the input, or zero there. */
function asTap(v: Variant, bits: string, exists: string | undefined, zero: string): Tap {
  if (exists === undefined) return { bits };
  return v.zero ? { bits: `select(${zero}, ${bits}, ${exists})` } : { bits, exists };
}

/** Channels last: one vector a tap. */
function vectorLoads(v: Variant): Loads {
  const [KD, KH, KW] = v.kernel;
  let code = "";
  const taps: Tap[] = [];
  for (const a of range(KD))
    for (const b of range(KH)) {
      const row = `row${a}_${b}`;
      code += `  let ${row} = ((at.plane * u32(P.inD) + d${a}) * u32(P.inH) + h${b}) * u32(P.inW);\n`;
      for (const e of range(KW)) {
        const x = `x${a}_${b}_${e}`;
        code += `  let ${x} = xQuad(x0 + (${row} + w${e}) * quads + quad);\n`;
        taps.push(asTap(v, x, existence(v, [a, b, e]), "vec4<u32>()"));
      }
    }
  return { code, windows: [taps] };
}

/** Channels first: vectors of four columns, shared by the windows of the thread. */
function rowLoads(v: Variant): Loads {
  const [KD, KH, KW] = v.kernel;
  const column = (r: number, e: number) => v.phase + r * v.stride[2] + e * v.dilation[2];
  const used = new Set<number>();
  for (const r of range(v.outputs)) for (const e of range(KW)) used.add(column(r, e) >> 2);
  let code = `  let first = (at.w * ${v.stride[2]} - P.padW - ${v.phase}) / 4;
  let quads = u32(P.inW) >> 2u;
`;
  for (const j of used) {
    code += `  let q${j} = u32(clamp(first + ${j}, 0, i32(quads) - 1));\n`;
    if (v.padded[2]) code += `  let vq${j} = first + ${j} >= 0 && first + ${j} < i32(quads);\n`;
  }
  const windows: Tap[][] = range(v.outputs).map(() => []);
  for (const a of range(KD))
    for (const b of range(KH)) {
      const row = `row${a}_${b}`;
      code += `  let ${row} = x0 + ((at.plane * u32(P.inD) + d${a}) * u32(P.inH) + h${b}) * quads;\n`;
      for (const j of used) code += `  let x${a}_${b}_${j} = xQuad(${row} + q${j});\n`;
      for (const r of range(v.outputs))
        for (const e of range(KW)) {
          const [j, k] = [column(r, e) >> 2, column(r, e) & 3];
          const exists = existence(v, [a, b, e], `vq${j}`);
          windows[r].push(asTap(v, `x${a}_${b}_${j}.${"xyzw"[k]}`, exists, "0u"));
        }
    }
  return { code, windows };
}

/** The divisor of an average: a constant where all taps count. */
function divisorOf(v: Variant, at: string): string {
  const taps = v.kernel.reduce((a, b) => a * b, 1);
  return v.padded.some(Boolean) ? `divisor(${at})` : `${taps}.0`;
}

/** The temperature of a thread: `q`, `low` and `scale`, of four channels or of one. */
function temperature(v: Variant): string {
  const one =
    "let k = betaOf(at);\n  let q = k.q;\n  let low = k.low;\n  let scale = k.s1 * k.s2;\n";
  if (!v.channelsLast || !v.perChannel) return `  ${one}`;
  const of = (j: number) => `betaOf(Place(at.plane, at.c + ${j}u, at.d, at.h, at.w))`;
  const four = (field: string) =>
    `vec4<f32>(${range(4)
      .map((j) => `k${j}${field}`)
      .join(", ")})`;
  return `  ${range(4)
    .map((j) => `let k${j} = ${of(j)};`)
    .join("\n  ")}
  let q = ${four(".q")};
  let low = ${four(".low")};
  let scale = ${four(".s1")} * ${four(".s2")};
`;
}

/** The place of output r of a thread. */
const placeAt = (v: Variant, r: number) =>
  v.channelsLast ? "at" : `Place(at.plane, 0u, at.d, at.h, at.w + ${r})`;
/** The place of channel `j` of a thread with four. */
const lanePlace = "Place(at.plane, at.c + j, at.d, at.h, at.w)";

/** Statements that decode the item: `at`, the output (the first of the thread), and `x0`. */
function decode(v: Variant): string {
  if (v.channelsLast) {
    return `  let quads = P.inner >> 2u;
  let position = item / quads;
  let quad = item - position * quads;
  let row = position / u32(P.outW);
  let plane = row / u32(P.outH);
  let at = Place(plane / u32(P.outD), quad * 4u, i32(plane % u32(P.outD)), i32(row % u32(P.outH)), i32(position % u32(P.outW)));
  let x0 = P.x0 >> 2u;
`;
  }
  return `  let groups = (u32(P.outW) + ${v.outputs - 1}u) / ${v.outputs}u;
  let row = item / groups;
  let plane = row / u32(P.outH);
  let at = Place(plane / u32(P.outD), 0u, i32(plane % u32(P.outD)), i32(row % u32(P.outH)), i32((item - row * groups) * ${v.outputs}u));
  let x0 = P.x0 >> 2u;
`;
}

/** Stores of a thread with channels last: its vector, or the careful result of each channel. */
function vectorStores(v: Variant, result: string, kept: readonly string[], most: string): string {
  const special = `any(${most} >= vec4<u32>(P.limit))`;
  if (v.kind === "keep") {
    const names = keptTables(v.method);
    return `${names.map((name, i) => `  var k${name} = ${kept[i]};\n`).join("")}  if (${special}) {
    for (var j = 0u; j < 4u; j++) {
      let kept = keepAt(${lanePlace});
${names.map((name, i) => `      k${name}[j] = kept[${i}];\n`).join("")}    }
  }
${names.map((name) => `  ${name}[item] = k${name};\n`).join("")}`;
  }
  return `  var y0 = ${result};
  if (${special}) {
    for (var j = 0u; j < 4u; j++) { y0[j] = resultAt(${lanePlace}); }
  }
  ${quadWrite(v.storage, "(P.y0 >> 2u) + item", "y0")}
`;
}

/** Stores of a thread with channels first: those of its outputs that exist. */
function rowStores(v: Variant, windows: readonly ReturnType<typeof windowCode>[]): string {
  const exists = (r: number) => `at.w + ${r} < P.outW`;
  const each = (line: (r: number) => string) => windows.map((_, r) => `${line(r)}\n`).join("");
  const special = windows.map(({ most }) => `${most} >= P.limit`).join(" || ");
  const type = v.kind === "keep" ? "vec3<u32>" : "u32";
  const value = ({ result, kept }: ReturnType<typeof windowCode>) =>
    v.kind === "keep" ? `vec3<u32>(${[0, 1, 2].map((i) => kept[i] ?? "0u").join(", ")})` : result;
  const careful = v.kind === "keep" ? "keepAt" : "resultAt";
  let code = `  let o = row * u32(P.outW) + u32(at.w);
${each((r) => `  var y${r} = ${value(windows[r])};`)}  if (${special}) {
    // One call in the code, so that it stays small.
    var all: array<${type}, ${v.outputs}>;
    for (var r = 0; r < ${v.outputs}; r++) {
      if (at.w + r < P.outW) { all[r] = ${careful}(Place(at.plane, 0u, at.d, at.h, at.w + r)); }
    }
${each((r) => `    y${r} = all[${r}];`)}  }
`;
  if (v.kind === "keep") {
    const names = keptTables(v.method);
    const stores = (r: number) =>
      names.map((name, i) => `${name}[o + ${r}u] = y${r}[${i}];`).join(" ");
    return code + each((r) => `  if (${exists(r)}) { ${stores(r)} }`);
  }
  const step = v.storage === "packed" ? 2 : 1;
  for (let r = 0; r < v.outputs; r += step) {
    const bits =
      v.storage === "float32"
        ? `y${r}`
        : v.storage === "native"
          ? `bitcast<vec2<f16>>(narrow(y${r})).x`
          : `narrow(y${r}) | (narrow(y${r + 1}) << 16u)`;
    const index = `P.y0 + o + ${r}u`;
    const word = v.storage === "packed" ? `(${index}) >> 1u` : index;
    code += `  if (${exists(r)}) { y[${word}] = ${bits}; }\n`;
  }
  return code;
}

/** Where the results go. */
function outputs(v: Variant): string {
  if (v.kind === "keep") {
    const type = v.channelsLast ? "vec4<u32>" : "u32";
    return keptTables(v.method)
      .map((name) => declare(name, type, true))
      .join("");
  }
  if (v.channelsLast || v.kind === "backward") {
    return declare("y", v.storage === "float32" ? "vec4<u32>" : "vec2<u32>", true);
  }
  return declare("y", v.storage === "native" ? "f16" : "u32", true);
}

/** Declarations of a fast kernel besides its entry point. */
export function fastHead(v: Variant): string {
  const { enable, code } = prelude(v.storage);
  return [
    enable,
    PARAMS_WGSL,
    code,
    PLACE_WGSL,
    reader("x", v.storage, true),
    quadReader("x", v.storage),
    methodWgsl(v.method),
    LANES_WGSL,
    v.method === "maximum" ? KEYS_WGSL : "",
    v.kind === "backward" ? SUM_WGSL + (v.method === "soft" ? SLOPE_WGSL : "") : "",
    outputs(v),
  ].join("");
}

/** The body of a fast kernel up to its windows, and their code. */
export function fastWindows(v: Variant): {
  code: string;
  loads: Loads;
  windows: ReturnType<typeof windowCode>[];
} {
  const loads = v.channelsLast ? vectorLoads(v) : rowLoads(v);
  const axes = v.channelsLast ? ([0, 1, 2] as const) : ([0, 1] as const);
  const lanes = v.channelsLast ? FOUR : ONE;
  const windows = loads.windows.map((taps, r) =>
    windowCode(v.method, taps, lanes, r, divisorOf(v, placeAt(v, r)), v.weights),
  );
  const code =
    decode(v) +
    axes.map((axis) => positions(v, axis)).join("") +
    loads.code +
    (v.method === "soft" ? temperature(v) : "") +
    windows.map(({ code: each }) => each).join("");
  return { code, loads, windows };
}

/** Generates a fast kernel that computes results or what a backward keeps. */
export function fastKernel(v: Variant): string {
  const { code, windows } = fastWindows(v);
  const stores = v.channelsLast
    ? vectorStores(v, windows[0].result, windows[0].kept, windows[0].most)
    : rowStores(v, windows);
  return fastHead(v) + entry(code + stores);
}
