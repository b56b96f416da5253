/**
 * The careful kernels: one thread per element, any window, any layout, any value. The fast kernels leave
 * to them what they cannot do.
 */
import type { Method } from "../../options.ts";
import { PARAMS_WGSL } from "../params.ts";
import { declare, entry, LANE_WGSL, prelude, reader, type Storage, writer } from "./elements.ts";
import { gatherWgsl } from "./gather.ts";
import { LINEAR_WGSL } from "./linear.ts";
import { MAXIMUM_WGSL } from "./maximum.ts";
import { POWER_WGSL } from "./power.ts";
import { BETA_WGSL, SLOPE_WGSL, SOFT_WGSL, VARIANCE_WGSL } from "./soft.ts";
import { DIVISOR_WGSL, PLACE_WGSL, sharedWalkWgsl, walkWgsl } from "./window.ts";

/** What a kernel computes: results, what a backward keeps of each window, variances, or gradients. */
export type Kind = "forward" | "keep" | "variance" | "gather";

/**
 * Per method: the accumulator and its walk, `resultAt(at)` (bits), and where a backward keeps something
 * `keepAt(at)` (three words).
 * @param shared a workgroup walks a window together
 */
export function methodWgsl(method: Method, shared = false): string {
  const walkOf = shared ? sharedWalkWgsl : walkWgsl;
  switch (method) {
    case "soft":
      return `${BETA_WGSL}${SOFT_WGSL}${walkOf("k: Beta")}
fn resultAt(at: Place) -> u32 { let k = betaOf(at); return resultOf(walk(at, k), k); }
fn keepAt(at: Place) -> vec3<u32> { let k = betaOf(at); return keep(walk(at, k), k); }
`;
    case "average":
      return `${LINEAR_WGSL}${DIVISOR_WGSL}${walkOf()}
fn resultAt(at: Place) -> u32 {
  let a = walk(at);
  return bounded(resultOf(a, select(f32(a.n), divisor(at), P.zero == 1u)), a);
}
`;
    case "sum":
      return `${LINEAR_WGSL}${walkOf()}
fn resultAt(at: Place) -> u32 { return resultOf(walk(at), 1.0); }
`;
    case "maximum":
      return `${MAXIMUM_WGSL}${walkOf()}
fn resultAt(at: Place) -> u32 { return resultOf(walk(at)); }
fn keepAt(at: Place) -> vec3<u32> {
  let a = walk(at);
  return vec3(select(a.first, 0xffffffffu, a.nan > 0u), 0u, 0u);
}
`;
    case "power-average":
      return `${POWER_WGSL}${walkOf()}
fn count(a: Acc) -> f32 { return select(1.0, f32(a.n), P.normalized == 1u); }
fn resultAt(at: Place) -> u32 { let a = walk(at); return powerResult(a, count(a)); }
fn keepAt(at: Place) -> vec3<u32> { let a = walk(at); return keep(a, count(a)); }
`;
  }
}

/** Tables that a backward keeps between its two kernels. */
export function keptTables(method: Method): ("s0" | "s1" | "s2")[] {
  if (method === "average" || method === "sum") return [];
  return method === "maximum" ? ["s0"] : ["s0", "s1", "s2"];
}

/** What the gather of a method does with each window. */
function gatherOf(method: Method): { code: string; before: string; each: string } {
  const nan = "if ((m & ABS) > INF) { sum.nan = 1u; continue; }";
  const g = "gAt(P.g0 + o)";
  switch (method) {
    case "soft":
      return {
        code: BETA_WGSL + SLOPE_WGSL,
        before: "  let k = betaOf(at);\n  let bits = xAt(P.x0 + local);",
        each: `    let m = s0At(o);
    ${nan}
    push(&sum, ${g}, slopeOf(bits, m, bitcast<f32>(s1At(o)), bitcast<f32>(s2At(o)), k));`,
      };
    case "average":
      return { code: DIVISOR_WGSL, before: "", each: `    push(&sum, ${g}, 1.0 / divisor(out));` };
    case "sum":
      return { code: "", before: "", each: `    push(&sum, ${g}, 1.0);` };
    case "maximum":
      return {
        code: "",
        before: "",
        each: `    let first = s0At(o);
    if (first == 0xffffffffu) { sum.nan = 1u; }
    else if (first == number) { push(&sum, ${g}, 1.0); }`,
      };
    case "power-average":
      return {
        code: POWER_WGSL,
        before: "  let bits = xAt(P.x0 + local);",
        each: `    let m = s0At(o);
    ${nan}
    let t = slopeLog(bits, m, bitcast<f32>(s1At(o)));
    let sign = select(1.0, -1.0, (bits & SIGN) != 0u);
    let upstream = ${g};
    if (t > 500.0) { push(&sum, upstream, 0.0); }
    else if ((upstream & ABS) >= INF) { push(&sum, upstream, sign); }
    else if (t < 126.0) {
      // In halves: a slope may be too small for float32 where its product is not.
      let half = exp2(0.5 * t);
      sum.s += bitcast<f32>(upstream) * P.gradScale * half * half * sign * bitcast<f32>(s2At(o));
    }
    else if ((upstream & ABS) != 0u) { push(&sum, INF | (upstream & SIGN), sign); }`,
      };
  }
}

/**
 * Declarations of a gather, with its function that gives the gradient of an element.
 * @param name name of the function
 * @param quads tensors are bound as vectors of four elements
 */
export function carefulGather(
  name: string,
  method: Method,
  storage: Storage,
  quads = false,
): string {
  const { code, before, each } = gatherOf(method);
  const x = before.includes("xAt") ? reader("x", storage, quads) : "";
  const tables = keptTables(method).map((table) => reader(table, "float32", quads));
  const g = reader("g", storage, quads);
  return x + g + tables.join("") + code + gatherWgsl(name, before, each);
}

/**
 * Generates a careful kernel.
 * @param shared a workgroup takes a window together; not for a gather
 */
export function genericKernel(
  kind: Kind,
  method: Method,
  storage: Storage,
  shared = false,
): string {
  const { enable, code } = prelude(storage);
  const head = enable + PARAMS_WGSL + (shared ? LANE_WGSL : "") + code + PLACE_WGSL;
  if (kind === "gather") return head + carefulGather("one", method, storage) + writer(storage);
  const x = head + reader("x", storage);
  const when = shared ? "if (lane == 0u) " : "";
  if (kind === "variance") {
    const walk = (shared ? sharedWalkWgsl : walkWgsl)("k: Beta");
    const tables = declare("s0", "u32", true) + declare("s1", "u32", true);
    const body = `  let v = varianceOf(outputPlace(item));
  ${when}{
    s0[P.y0 + item] = v.x;
    s1[P.y0 + item] = v.y;
  }
`;
    return x + BETA_WGSL + VARIANCE_WGSL(walk) + tables + entry(body, shared);
  }
  if (kind === "keep") {
    const kept = keptTables(method);
    const tables = kept.map((name) => declare(name, "u32", true)).join("");
    const stores = kept.map((name, i) => `    ${name}[item] = k[${i}];\n`).join("");
    const body = `  let k = keepAt(outputPlace(item));\n  ${when}{\n${stores}  }\n`;
    return x + methodWgsl(method, shared) + tables + entry(body, shared);
  }
  const one = "\nfn one(i: u32) -> u32 { return resultAt(outputPlace(i)); }\n";
  return x + methodWgsl(method, shared) + one + writer(storage, shared);
}
