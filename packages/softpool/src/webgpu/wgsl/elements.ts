/**
 * How kernels read and write elements: always as the bits of a float32, whatever the tensor holds,
 * because WGSL promises nothing about NaN and infinities in arithmetic, but does about integers.
 *
 * float16 is either packed, two to a word, converted by integer operations and `pack`ed with the one
 * rounding of IEEE 754 (to nearest, ties to even), or with `shader-f16` read and written one by one.
 */

/** How a tensor's elements are stored. */
export type Storage = "float32" | "packed" | "native";

/** Tensors a kernel may be bound to, by name; the number is the binding. */
export const BINDINGS = { x: 2, y: 3, g: 4, s0: 5, s1: 6, s2: 7 } as const;

/** Name of a tensor of a kernel. */
export type BindingName = keyof typeof BINDINGS;

/** Conversions and scaling on the bits of a float32. */
export const BITS_WGSL: string = `
const NAN: u32 = 0x7fc00000u;
const INF: u32 = 0x7f800000u;
const MOST: u32 = 0x7f7fffffu;
const ABS: u32 = 0x7fffffffu;
const SIGN: u32 = 0x80000000u;

// v 2^k, with overflow to infinity; results below the normal numbers become 0.
fn scaled(v: f32, k: i32) -> u32 {
  let b = bitcast<u32>(v);
  let e = i32((b >> 23u) & 255u);
  if (e == 0 || e + k < 1) { return b & SIGN; }
  if (e + k > 254) { return (b & SIGN) | INF; }
  return b + (bitcast<u32>(k) << 23u);
}
`;

const HALF_WGSL = `
// float16 bits to float32 bits.
fn widen(h: u32) -> u32 {
  let s = (h & 0x8000u) << 16u;
  let m = h & 0x7fffu;
  if (m >= 0x7c00u) { return s | INF | ((m & 0x3ffu) << 13u); }
  if (m < 0x400u) { return s | bitcast<u32>(f32(m) * 0x1p-24f); }
  return s | ((m << 13u) + 0x38000000u);
}

// float32 bits to the nearest float16 bits, ties to even.
fn narrow(b: u32) -> u32 {
  let s = (b >> 16u) & 0x8000u;
  let a = b & ABS;
  if (a > INF) { return 0x7e00u; }
  if (a >= 0x477ff000u) { return s | 0x7c00u; }
  if (a < 0x38800000u) { return s | u32(round(bitcast<f32>(a) * 0x1p+24f)); }
  return s | ((a + 0xfffu + ((a >> 13u) & 1u) - 0x38000000u) >> 13u);
}
`;

/** Declares a tensor with elements of a given WGSL type. */
export function declare(name: BindingName, type: string, write = false): string {
  const access = write ? "read_write" : "read";
  return `@group(0) @binding(${BINDINGS[name]}) var<storage, ${access}> ${name}: array<${type}>;\n`;
}

/** The conversions that a storage needs, and the extension it needs first. */
export function prelude(storage: Storage): { enable: string; code: string } {
  return {
    enable: storage === "native" ? "enable f16;\n" : "",
    code: storage === "float32" ? BITS_WGSL : BITS_WGSL + HALF_WGSL,
  };
}

/**
 * Declares a tensor that is read element by element, with `<name>At(i)`: the float32 bits of element i.
 * @param quads bound as vectors of four elements, for a kernel that reads those too
 */
export function reader(name: BindingName, storage: Storage, quads = false): string {
  const at = (code: string) => `fn ${name}At(i: u32) -> u32 { return ${code}; }\n`;
  const half = "(i & 1u) * 16u, 16u";
  if (storage === "float32") {
    return quads
      ? declare(name, "vec4<u32>") + at(`${name}[i >> 2u][i & 3u]`)
      : declare(name, "u32") + at(`${name}[i]`);
  }
  if (quads) {
    return (
      declare(name, "vec2<u32>") +
      at(`widen(extractBits(${name}[i >> 2u][(i >> 1u) & 1u], ${half}))`)
    );
  }
  return storage === "packed"
    ? declare(name, "u32") + at(`widen(extractBits(${name}[i >> 1u], ${half}))`)
    : declare(name, "f16") + at(`widen(bitcast<u32>(vec2<f16>(${name}[i], 0h)) & 0xffffu)`);
}

/** `<name>Quad(i)`: the float32 bits of elements 4 i to 4 i + 3 of a tensor bound as vectors. */
export function quadReader(name: BindingName, storage: Storage): string {
  const value =
    storage === "float32"
      ? `${name}[i]`
      : `vec4<u32>(widen(v.x & 0xffffu), widen(v.x >> 16u), widen(v.y & 0xffffu), widen(v.y >> 16u))`;
  const load = storage === "float32" ? "" : `let v = ${name}[i]; `;
  return `fn ${name}Quad(i: u32) -> vec4<u32> { ${load}return ${value}; }\n`;
}

/** Statements that write four results, given as float32 bits, to quad `at` of y. */
export function quadWrite(storage: Storage, at: string, value: string): string {
  if (storage === "float32") return `y[${at}] = ${value};`;
  return `y[${at}] = vec2<u32>(narrow(${value}.x) | (narrow(${value}.y) << 16u), narrow(${value}.z) | (narrow(${value}.w) << 16u));`;
}

/** Elements of y that one item of a kernel writes. */
export function perItem(storage: Storage): 1 | 2 {
  return storage === "packed" ? 2 : 1;
}

/**
 * The entry point of a kernel: `body` with the number of the item in `item`.
 * @param shared a workgroup takes an item together; its threads are told apart by `lane`
 */
export function entry(body: string, shared = false): string {
  const inputs = "@builtin(num_workgroups) n: vec3<u32>";
  if (shared) {
    return `
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(local_invocation_index) thread: u32, ${inputs}) {
  lane = thread;
  let item = P.first + id.x + id.y * n.x;
  if (item >= P.items) { return; }
${body}}
`;
  }
  return `
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, ${inputs}) {
  let item = P.first + id.x + id.y * n.x * 64u;
  if (item >= P.items) { return; }
${body}}
`;
}

/** The number of a thread in its workgroup, where a workgroup takes an item together. */
export const LANE_WGSL = "var<private> lane: u32;\n";

/**
 * y and the entry point that writes it element by element: `one(i)` gives the float32 bits of element
 * i after `y0`. Halves of a word that belong to others are kept.
 * @param shared a workgroup takes an item together
 */
export function writer(storage: Storage, shared = false): string {
  const when = shared ? "if (lane == 0u) " : "";
  if (storage !== "packed") {
    const native = storage === "native";
    const value = native ? "bitcast<vec2<f16>>(narrow(bits)).x" : "bits";
    const body = `  let bits = one(item);\n  ${when}{ y[P.y0 + item] = ${value}; }\n`;
    return declare("y", native ? "f16" : "u32", true) + entry(body, shared);
  }
  const body = `  let word = (P.y0 >> 1u) + item;
  var bits = y[word];
  for (var h = 0u; h < 2u; h++) {
    let i = word * 2u + h - P.y0;
    if (i < P.count) { bits = insertBits(bits, narrow(one(i)), h * 16u, 16u); }
  }
  ${when}{ y[word] = bits; }
`;
  return declare("y", "u32", true) + entry(body, shared);
}
