/**
 * The fast gather of windows that overlap: each element visits the windows that may cover it, whose number
 * is known from kernel and stride, without loops. With channels last a thread takes four channels.
 * Elements that see a value that needs care are left to the careful gather in the same shader.
 */
import { PARAMS_WGSL } from "../params.ts";
import { declare, entry, prelude, quadReader, quadWrite, writer } from "./elements.ts";
import type { Variant } from "./fast.ts";
import { LARGE } from "./fused.ts";
import { carefulGather } from "./generic.ts";
import { PLACE_WGSL } from "./window.ts";

/** How many windows may cover an element along an axis. */
export function covering(v: Variant, axis: 0 | 1 | 2): number {
  const reach = (v.kernel[axis] - 1) * v.dilation[axis];
  return Math.floor(reach / v.stride[axis]) + 1;
}

/** Outputs along one axis: `o<C><j>` and where they are no output that covers the element `v<C><j>`. */
function outputsAlong(v: Variant, axis: 0 | 1 | 2): string {
  const C = "DHW"[axis];
  const [k, s, d] = [v.kernel[axis], v.stride[axis], v.dilation[axis]];
  let code = `  let at${C} = at.${C.toLowerCase()} + P.pad${C};\n  let last${C} = at${C} / ${s};\n`;
  for (let j = 0; j < covering(v, axis); j++) {
    const o = `o${C}${j}`;
    const rest = `rest${C}${j}`;
    const gap = d > 1 ? ` && ${rest} % ${d} == 0` : "";
    code += `  let ${o} = clamp(last${C} - ${j}, 0, P.out${C} - 1);
  let ${rest} = at${C} - (last${C} - ${j}) * ${s};
  let v${C}${j} = at${C} >= 0 && last${C} - ${j} == ${o} && ${rest} <= ${(k - 1) * d}${gap};
`;
  }
  return code;
}

/** The statements that add one window to `sum`; its output is number `o`. */
function visit(v: Variant, name: string, exists: string, number: string, place: string): string {
  const wide = v.channelsLast;
  const f = wide ? "vec4<f32>" : "f32";
  const u = wide ? "vec4<u32>" : "u32";
  const index = wide ? "(o >> 2u)" : "o";
  const read = (table: string) => (wide ? `${table}[${index}]` : `${table}At(o)`);
  const g = wide ? `gQuad((P.g0 >> 2u) + ${index})` : "gAt(P.g0 + o)";
  let code = `  if (${exists}) { // ${name}
    let o = outputIndex(${place});
    let g = ${g};
    large = max(large, g & ${u}(ABS));
`;
  const taps = v.kernel.reduce((a, b) => a * b, 1);
  switch (v.method) {
    case "soft": {
      const slope = v.weights ? "" : ` * (1.0 + t - bitcast<${f}>(${read("s2")}))`;
      code += `    let m = ${read("s0")};
    most = max(most, m & ${u}(ABS));
    let t = max(z - bitcast<${f}>(m), ${f}(low)) * scale;
    sum += bitcast<${f}>(g) * (exp(t) / bitcast<${f}>(${read("s1")})${slope});
`;
      break;
    }
    case "maximum":
      code += `    let first = ${read("s0")};
    most = max(most, first);
    sum += select(${f}(), bitcast<${f}>(g), first == ${u}(u32(${number})));
`;
      break;
    case "average":
      code += v.padded.some(Boolean)
        ? `    sum += bitcast<${f}>(g) / divisor(${place});\n`
        : `    sum += bitcast<${f}>(g) / ${taps}.0;\n`;
      break;
    default:
      code += `    sum += bitcast<${f}>(g);\n`;
  }
  return `${code}  }\n`;
}

/** Generates a fast gather. */
export function spreadKernel(v: Variant): string {
  const wide = v.channelsLast;
  const f = wide ? "vec4<f32>" : "f32";
  const u = wide ? "vec4<u32>" : "u32";
  const soft = v.method === "soft";
  const { enable, code } = prelude(v.storage);
  let body = ([0, 1, 2] as const).map((axis) => outputsAlong(v, axis)).join("");
  body += `  var sum = ${f}();\n  var most = ${u}();\n  var large = ${u}();\n`;
  if (soft) {
    const x = wide ? "xQuad((P.x0 + local) >> 2u)" : "xAt(P.x0 + local)";
    body += `  let x = ${x};\n  most = x & ${u}(ABS);\n`;
    const lanes = [0, 1, 2, 3].map((j) => `k${j}`);
    if (wide && v.perChannel) {
      for (const j of [0, 1, 2, 3]) {
        body += `  let k${j} = betaOf(Place(at.plane, at.c + ${j}u, at.d, at.h, at.w));\n`;
      }
      const four = (field: string) => `vec4<f32>(${lanes.map((k) => k + field).join(", ")})`;
      body += `  let q = ${four(".q")};\n  let low = ${four(".low")};\n  let scale = ${four(".s1")} * ${four(".s2")};\n`;
    } else {
      body +=
        "  let k = betaOf(at);\n  let q = k.q;\n  let low = k.low;\n  let scale = k.s1 * k.s2;\n";
    }
    body += `  let z = bitcast<${f}>(x) * q;\n`;
  }
  for (let a = 0; a < covering(v, 0); a++)
    for (let b = 0; b < covering(v, 1); b++)
      for (let e = 0; e < covering(v, 2); e++) {
        const tap = (C: string, j: number, axis: number) => {
          const d = v.dilation[axis];
          return d === 1 ? `rest${C}${j}` : `rest${C}${j} / ${d}`;
        };
        const number = `(${tap("D", a, 0)} * ${v.kernel[1]} + ${tap("H", b, 1)}) * ${v.kernel[2]} + ${tap("W", e, 2)}`;
        const place = `Place(at.plane, at.c, oD${a}, oH${b}, oW${e})`;
        body += visit(v, `${a} ${b} ${e}`, `vD${a} && vH${b} && vW${e}`, number, place);
      }
  const special = `most >= ${u}(P.limit)`;
  const beyond = `large >= ${u}(${LARGE})`;
  const head = enable + PARAMS_WGSL + code + PLACE_WGSL;
  const gather = carefulGather("careful", v.method, v.storage, wide);
  if (!wide) {
    return `${head}${gather}
fn one(i: u32) -> u32 {
  let local = P.own0 + i;
  let at = inputPlace(local);
${body}  if (${special} || ${beyond}) { return careful(i); }
  return bitcast<u32>(sum);
}
${writer(v.storage)}`;
  }
  const y = declare("y", v.storage === "float32" ? "vec4<u32>" : "vec2<u32>", true);
  const readers = (soft ? quadReader("x", v.storage) : "") + quadReader("g", v.storage);
  return `${head}${gather}${readers}${y}${entry(`  let local = P.own0 + item * 4u;
  let at = inputPlace(local);
${body}  var bits = bitcast<vec4<u32>>(sum);
  if (any(${special}) || any(${beyond})) {
    for (var j = 0u; j < 4u; j++) { bits[j] = careful(item * 4u + j); }
  }
  ${quadWrite(v.storage, "(P.y0 >> 2u) + item", "bits")}
`)}`;
}

/** Whether the windows that may cover an element are few enough to be visited without a loop. */
export function canSpread(v: Variant): boolean {
  return covering(v, 0) * covering(v, 1) * covering(v, 2) <= 27;
}
