/**
 * The fast backward of windows that do not overlap: a thread computes a window as a fast forward does and
 * writes the gradient of its taps, so that each input is read once and written once. Elements that no
 * window covers were cleared before.
 */
import { PARAMS_WGSL } from "../params.ts";
import { declare, entry, quadReader, quadWrite, reader, type Storage } from "./elements.ts";
import { fastHead, fastWindows, type Variant } from "./fast.ts";
import type { Tap, WindowCode } from "./lanes.ts";

/** The careful slope of tap `number` with bits `x` of the window at `place`, times g, as bits. */
function carefulWgsl(v: Variant): string {
  const open = "fn careful(place: Place, x: u32, number: u32, g: u32) -> u32 {\n";
  const sum = "  var sum = Sum(0.0, 0u, 0u, 0u);\n";
  if (v.method === "soft") {
    return `${open}  let k = betaOf(place);
  let kept = keep(walk(place, k), k);
  if ((kept.x & ABS) > INF) { return NAN; }
${sum}  push(&sum, g, slopeOf(x, kept.x, bitcast<f32>(kept.y), bitcast<f32>(kept.z), k));
  return total(sum);
}
`;
  }
  return `${open}  let first = keepAt(place).x;
  if (first == 0xffffffffu) { return NAN; }
${sum}  if (first == number) { push(&sum, g, 1.0); }
  return total(sum);
}
`;
}

/** Output gradients from 2^100 on, as bits, are left to the careful code, which scales them. */
export const LARGE = "0x71800000u";

/** Statements that compute all gradients of a thread again where a value needs care. */
function special(v: Variant, windows: readonly WindowCode[], taps: readonly Tap[][]): string {
  const wide = v.channelsLast;
  const u = wide ? "vec4<u32>" : "u32";
  const one = (condition: string) => (wide ? `any(${condition})` : condition);
  const conditions = windows.flatMap(({ most }, r) => [
    one(`${most} >= ${u}(P.limit)`),
    one(`(g${r} & ${u}(ABS)) >= ${u}(${LARGE})`),
  ]);
  const count = taps[0].length;
  const each = (value: (r: number, k: number) => string, end: string) =>
    taps.map((list, r) => list.map((_, k) => value(r, k)).join(end)).join(end);
  const call = wide
    ? `for (var j = 0u; j < 4u; j++) {
        let place = Place(at.plane, at.c + j, at.d, at.h, at.w);
        all[n][j] = careful(place, x[n][j], u32(n), g[0][j]);
      }`
    : `let r = n / ${count};
      let place = Place(at.plane, 0u, at.d, at.h, at.w + r);
      if (place.w < P.outW) { all[n] = careful(place, x[n], u32(n % ${count}), g[r]); }`;
  const size = count * taps.length;
  const gs = taps.map((_, r) => `g${r}`).join(", ");
  return `  if (${conditions.join(" || ")}) {
    // One call in the code, so that it stays small.
    var x = array<${u}, ${size}>(${each((r, k) => taps[r][k].bits, ", ")});
    var g = array<${u}, ${taps.length}>(${gs});
    var all: array<${u}, ${size}>;
    for (var n = 0; n < ${size}; n++) {
      ${call}
    }
    ${each((r, k) => `gx${r}_${k} = all[${r * count + k}];`, " ")}
  }
`;
}

/** Generates a fast backward of SoftPool or the maximum. */
export function fusedKernel(v: Variant): string {
  const { code, loads, windows } = fastWindows(v);
  const soft = v.method === "soft";
  const wide = v.channelsLast;
  const f = wide ? "vec4<f32>" : "f32";
  const u = wide ? "vec4<u32>" : "u32";
  const [KD, KH, KW] = v.kernel;
  let body = code;
  if (!wide) body += "  let o = row * u32(P.outW) + u32(at.w);\n";
  windows.forEach((window, r) => {
    if (soft && !v.weights) body += `  let tau${r} = bitcast<${f}>(${window.kept[2]});\n`;
    if (!soft) body += `  let first${r} = ${window.kept[0]};\n`;
    if (wide) body += "  let g0 = gQuad((P.g0 >> 2u) + item);\n";
    else {
      body += `  var g${r} = 0u;
  if (at.w + ${r} < P.outW) { g${r} = gAt(P.g0 + o + ${r}u); }
`;
    }
    loads.windows[r].forEach((_, k) => {
      const value = `bitcast<${u}>(bitcast<${f}>(g${r}) * (${window.slope(k)}))`;
      const hit = `first${r} == ${u}(${k}u)`;
      body += `  var gx${r}_${k} = ${soft ? value : `select(${u}(), ${value}, ${hit})`};\n`;
    });
  });
  body += special(v, windows, loads.windows);
  if (wide) {
    loads.windows[0].forEach((_, k) => {
      const [a, b, e] = [Math.floor(k / (KW * KH)), Math.floor(k / KW) % KH, k % KW];
      const at = `(P.y0 >> 2u) + (row${a}_${b} + w${e}) * quads + quad`;
      const write = quadWrite(v.storage, at, `gx0_${k}`);
      const parts = [`vd${a}`, `vh${b}`, `vw${e}`].filter((_, axis) => v.padded[axis]);
      body += parts.length === 0 ? `  ${write}\n` : `  if (${parts.join(" && ")}) { ${write} }\n`;
    });
  }
  if (!wide) {
    // All columns from the first window of the thread to the next thread's, zeros in gaps.
    const columns = (v.outputs * v.stride[2]) / 4;
    for (let a = 0; a < KD; a++)
      for (let b = 0; b < KH; b++)
        for (let j = 0; j < columns; j++) {
          const lanes = [0, 1, 2, 3].map((lane) => {
            const column = 4 * j + lane;
            const r = Math.floor(column / v.stride[2]);
            const rest = column - r * v.stride[2];
            const e = rest / v.dilation[2];
            const hit = Number.isInteger(e) && e < KW;
            return hit ? `gx${r}_${(a * KH + b) * KW + e}` : "0u";
          });
          const name = `out${a}_${b}_${j}`;
          const exists = [`first + ${j} < i32(quads)`];
          if (v.padded[0]) exists.push(`vd${a}`);
          if (v.padded[1]) exists.push(`vh${b}`);
          const at = `(P.y0 >> 2u) + row${a}_${b} - x0 + u32(first + ${j})`;
          body += `  let ${name} = vec4<u32>(${lanes.join(", ")});
  if (${exists.join(" && ")}) { ${quadWrite(v.storage, at, name)} }
`;
        }
  }
  const g = wide
    ? reader("g", v.storage, true) + quadReader("g", v.storage)
    : reader("g", v.storage);
  return fastHead(v) + g + carefulWgsl(v) + entry(body);
}

/** Generates a kernel that clears vectors of four elements of y. */
export function clearKernel(storage: Storage): string {
  const type = storage === "float32" ? "vec4<u32>" : "vec2<u32>";
  const body = entry(`  y[(P.y0 >> 2u) + item] = ${type}();\n`);
  return PARAMS_WGSL + declare("y", type, true) + body;
}
