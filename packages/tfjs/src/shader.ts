/**
 * SoftPool as a shader, for the backends `webgl` (GLSL) and `webgpu` (WGSL): one text for both, specialised
 * for one pooling. A thread computes one element.
 *
 * With everything in quarters, so that no difference of finite numbers overflows, and mirrored for negative
 * beta: v_i = sign(beta) x_i / 4, m = max v, u_i = v_i - m, e_i = exp(4 |beta| u_i),
 *
 *     s = sum e_i,  q = sum e_i u_i / s,  y = 4 sign(beta) (m + q)
 *     dy/dx_i = e_i / s (1 + 4 |beta| (u_i - q)), or e_i / s alone (`gradient: "weights"`)
 *
 * Every exponent lies in [-110, 0] and s is at least 1; with beta 0, the average, m is 0. No step makes an infinity: infinite inputs are seen as
 * such and set aside. A NaN tap gives NaN.
 */
import type { Axis } from "softpool/window";
import type { Pooling } from "./window.ts";

/** How the shading languages differ. */
export interface Dialect {
  /** The declaration of a variable, up to its value. */
  declare(type: "float" | "int" | "bool" | "vec4", name: string): string;
  /** A function of integers and then floats, around its body. */
  define(name: string, result: "float" | "vec4", parameters: string[], body: string): string;
  /** The main function: the body has the coordinates `n`, `d`, `h`, `w`, `c` and sets `result`. */
  main(body: string): string;
  /** Not a number. */
  readonly nan: string;
  /** Conversion of four floats to a vector. */
  readonly vec4: string;
}

/** The three programs. */
export type ProgramName = "forward" | "sums" | "backward";

/** What each program reads, in the order of its bindings; `b` is there where beta is one per channel. */
export const programInputs: Record<ProgramName, readonly string[]> = {
  forward: ["x"],
  sums: ["x"],
  backward: ["x", "dy", "sums"],
};

/** The parts of `sums`, one after the other along the outer axis: m, s and q of every window. */
export const SUMS = 3;

const MAX = "3.4028234663852886e38";
const QUARTER = "8.507058665963222e37";
/** Any larger temperature is infinite; finite ones reach 1e30. */
const HARD = "1e36";

/** A shader reads temperatures as numbers of float32: infinite ones as the largest. */
export function shaderBeta(beta: number): number {
  return Math.max(-3e38, Math.min(3e38, beta));
}

const NAMES = ["d", "h", "w"] as const;

function reachesOutside({ size, out, kernel, stride, padBegin, dilation }: Axis): boolean {
  return padBegin > 0 || (out - 1) * stride - padBegin + (kernel - 1) * dilation >= size;
}

/** Writes variables in the dialect: the text has `float name =` and its like, as GLSL. */
function translate(text: string, dialect: Dialect): string {
  return text.replace(/\b(float|int|bool|vec4) (\w+)(?= =)/g, (_, type, name) =>
    dialect.declare(type, name),
  );
}

/** Loops over the taps of window `od, oh, ow`, with `raw` set to each tap's value. */
function overTaps({ axes, zero }: Pooling, body: string): string {
  let text = "";
  let close = "";
  const outside: string[] = [];
  axes.forEach((axis, i) => {
    const { size, kernel, stride, padBegin, dilation } = axis;
    const name = NAMES[i];
    const tap = `${name}${kernel > 1 ? "k" : ""}`;
    if (kernel > 1) {
      text += `for (int ${tap} = 0; ${tap} < ${kernel}; ${tap}++) {\n`;
      close += "}";
    }
    const offset = kernel > 1 ? ` + ${tap} * ${dilation}` : "";
    text += `int ${name}t = o${name} * ${stride} - ${padBegin}${offset};\n`;
    if (!reachesOutside(axis)) return;
    const condition = `${name}t < 0 || ${name}t >= ${size}`;
    if (zero) outside.push(condition);
    else if (kernel > 1) text += `if (${condition}) { continue; }\n`;
    // A window of one tap outside has no tap at all, which is refused.
  });
  text += "float raw = 0.0;\n";
  const read = "raw = getX(n, dt, ht, wt, c);";
  text += outside.length > 0 ? `if (!(${outside.join(" || ")})) { ${read} }\n` : `${read}\n`;
  return `{\n${text}${body}${close}}\n`;
}

/** Temperature of a channel. */
function betaOf({ beta, channels, channelsLast }: Pooling, scalar: string): string {
  if (beta.length === 1) return scalar;
  return channelsLast ? "getB(c)" : `getB(n - (n / ${channels}) * ${channels})`;
}

/** The function `pooled`: m, s, q and y of one window. */
function windowFunction(pooling: Pooling, dialect: Dialect): string {
  const taps = pooling.axes.reduce((product, { kernel }) => product * kernel, 1);
  const share = 2 ** Math.ceil(Math.log2(taps));
  const body = `${FROM_BETA}float m = -${QUARTER};
float infinite = 0.0;
int count = 0;
int least = 0;
bool most = false;
bool none = false;
${overTaps(
  pooling,
  `count = count + 1;
if (isnan(raw)) { none = true; }
if (abs(raw) > ${MAX}) {
  if (sg * raw > 0.0) { most = true; infinite = raw; }
  else { least = least + 1; if (!most) { infinite = raw; } }
}
m = max(m, ${quarter("raw")});
`,
)}
if (b4 == 0.0) { m = 0.0; }
float s = 0.0;
float t = 0.0;
${overTaps(
  pooling,
  `float u = max(${quarter("raw")} - m, lowest);
float e = weight(u, b4, hard);
s = s + e;
t = t + e * (u * ${float(1 / share)});
`,
)}
float q = clamp((t / s) * ${float(share)}, lowest, -lowest);
float y = sg * (clamp(m + q, -${QUARTER}, ${QUARTER}) * 4.0);
if (most || least == count || (least > 0 && beta == 0.0)) { y = infinite; }
if (none) { y = ${dialect.nan}; s = ${dialect.nan}; }
return ${dialect.vec4}(m, s, q, y);
`;
  const parameters = ["int n", "int od", "int oh", "int ow", "int c", "float beta"];
  const weight = "if (hard) { return select(0.0, 1.0, u == 0.0); } return exp(b4 * u);";
  return (
    dialect.define("weight", "float", ["float u", "float b4", "bool hard"], weight) +
    dialect.define("pooled", "vec4", parameters, body)
  );
}

/** v_i of an input. */
function quarter(raw: string): string {
  return `clamp(sg * ${raw}, -${MAX}, ${MAX}) * 0.25`;
}

/** What programs derive from the temperature. */
const FROM_BETA = `
float sg = select(1.0, -1.0, beta < 0.0);
bool hard = abs(beta) > ${HARD};
float b4 = 4.0 * min(abs(beta), 1e30);
float lowest = -${QUARTER} * 2.0;
if (b4 > 0.0) { lowest = max(lowest, -110.0 / b4); }
`;

/** A number as a literal of a float in both languages. */
function float(value: number): string {
  return value.toExponential(9);
}

/** Adds what one window that covers the element gives it to `result`. */
function gather({ axes, weightsOnly, input }: Pooling): string {
  let text = "";
  let close = "";
  axes.forEach((axis, i) => {
    const { kernel, stride, padBegin, dilation, out } = axis;
    const name = NAMES[i];
    const most = Math.ceil(((kernel - 1) * dilation + 1) / stride);
    // The first output that reaches the element; integer division rounds towards 0.
    const back = (kernel - 1) * dilation - stride + 1;
    text += `
int ${name}p = ${name} + ${padBegin};
int ${name}f = max(0, (${name}p - (${back})) / ${stride});
for (int ${name}i = 0; ${name}i < ${most}; ${name}i++) {
int o${name} = ${name}f + ${name}i;
int ${name}a = ${name}p - o${name} * ${stride};
if (o${name} >= ${out} || ${name}a < 0 || ${name}a > ${(kernel - 1) * dilation}) { continue; }
`;
    if (dilation > 1)
      text += `if (${name}a != (${name}a / ${dilation}) * ${dilation}) { continue; }`;
    close += "}";
  });
  const at = (part: number) => `getSums(n + ${part * input[0]}, od, oh, ow, c)`;
  const slope = weightsOnly ? "1.0" : "select(1.0 + b4 * (u - q), 1.0, hard)";
  return `${text}
float m = ${at(0)};
float s = ${at(1)};
float q = ${at(2)};
float u = max(value - m, lowest);
float e = weight(u, b4, hard);
result = result + (getDy(n, od, oh, ow, c) * (e / s)) * ${slope};
${close}`;
}

/**
 * The text of a program.
 * @param program which one
 * @param pooling the pooling it is for
 * @param dialect the language
 * @param scalar how the language reads the temperature where it is one number
 */
export function shaderText(
  program: ProgramName,
  pooling: Pooling,
  dialect: Dialect,
  scalar: string,
): string {
  const outer = pooling.input[0];
  const beta = `float beta = ${betaOf(pooling, scalar)};\n`;
  let body = `${beta}int od = d; int oh = h; int ow = w;\n`;
  if (program === "forward") body += "result = pooled(n, od, oh, ow, c, beta).w;";
  if (program === "sums") {
    body = `int part = n / ${outer};
n = n - part * ${outer};
${body}
vec4 all = pooled(n, od, oh, ow, c, beta);
result = all.x;
if (part == 1) { result = all.y; }
if (part == 2) { result = all.z; }`;
  }
  if (program === "backward") {
    body = `${beta}${FROM_BETA}float value = ${quarter("getX(n, d, h, w, c)")};
${gather(pooling)}`;
  }
  const head = windowFunction(pooling, dialect);
  return translate(head + dialect.main(body), dialect);
}
