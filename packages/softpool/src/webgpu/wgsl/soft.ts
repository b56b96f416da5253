/**
 * SoftPool in WGSL: y = sum w_i x_i, w_i = e^(beta x_i) / sum_j e^(beta x_j), for any input.
 *
 * With q = +-2^-shift of the sign of beta and z_i = q x_i, the dominant tap is M = max z_i, d_i = z_i - M
 * is never positive nor overflows, t_i = |beta / q| d_i is the exponent, and with e_i = e^t_i, S = sum e_i,
 * T = sum e_i d_i: q y = M + T / S. One pass: a larger tap rescales what was summed before. Exponents
 * are cut off where e^t is 0 in float32, which also keeps products of large temperatures finite.
 *
 * Gradient, from M, S and tau = sum e_i t_i / S of each window: w (1 + t - tau), or w alone.
 * d beta: sum w_i (x_i - y)^2, by updating mean and sum of squares.
 *
 * NaN and infinities never take part in arithmetic: they are counted by their bits. `top` is the infinity
 * that dominates, `low` the one of weight 0.
 */

/** Floats per channel in the table of temperatures. */
export const BETA_FLOATS = 8;

/** `betaOf(at)`: the temperature of an element's channel, from the table. */
export const BETA_WGSL: string = `
@group(0) @binding(1) var<storage, read> betas: array<f32>;

// rule: 1 for an infinite temperature, 2 for temperature 0.
struct Beta { q: f32, low: f32, s1: f32, s2: f32, rule: u32, shift: i32 }

fn betaOf(at: Place) -> Beta {
  let channel = ((P.firstPlane + at.plane) * P.inner + at.c) % P.channels;
  let c = ${BETA_FLOATS}u * select(channel, 0u, P.betas == 1u);
  return Beta(betas[c], betas[c + 1u], betas[c + 2u], betas[c + 3u], u32(betas[c + 4u]), P.shift);
}

// e^t of a tap at distance d <= 0 from the dominant one.
fn weightOf(d: f32, t: f32, k: Beta) -> f32 {
  return select(exp(t), select(0.0, 1.0, d == 0.0), k.rule == 1u);
}

// Whether infinite bits dominate.
fn isTop(bits: u32, k: Beta) -> bool {
  return (bits & SIGN) == (bitcast<u32>(k.q) & SIGN);
}
`;

/** The accumulator, its result as bits (`resultOf`), and what a backward keeps (`keep`). */
export const SOFT_WGSL = `
struct Acc { m: f32, s: f32, t: f32, tau: f32, n: u32, top: u32, low: u32, nan: u32 }

fn empty() -> Acc { return Acc(0.0, 0.0, 0.0, 0.0, 0u, 0u, 0u, 0u); }

// Adds s taps of sums t and tau relative to m.
fn join(a: ptr<function, Acc>, m: f32, s: f32, t: f32, tau: f32, k: Beta) {
  let all = *a;
  if (all.n == 0u) {
    *a = Acc(m, s, t, tau, 1u, all.top, all.low, all.nan);
    return;
  }
  let up = m > all.m;
  let d = max(-abs(m - all.m), k.low);
  let x = d * k.s1 * k.s2;
  let e = weightOf(d, x, k);
  let small = select(vec3(s, t, tau), vec3(all.s, all.t, all.tau), up);
  let large = select(vec3(all.s, all.t, all.tau), vec3(s, t, tau), up);
  let sums = large + e * vec3(small.x, small.y + d * small.x, small.z + x * small.x);
  (*a).m = max(m, all.m);
  (*a).s = sums.x;
  (*a).t = sums.y;
  (*a).tau = sums.z;
}

fn add(a: ptr<function, Acc>, bits: u32, number: u32, k: Beta) {
  if ((bits & ABS) < INF) {
    let z = bitcast<f32>(bits) * k.q;
    // At temperature 0 nothing dominates: relative to 0, where nothing cancels.
    let flat = k.rule == 2u;
    join(a, select(z, 0.0, flat), 1.0, select(0.0, z, flat), 0.0, k);
    return;
  }
  if ((bits & ABS) > INF) { (*a).nan += 1u; }
  else if (isTop(bits, k)) { (*a).top += 1u; }
  else { (*a).low += 1u; }
}

fn merge(a: ptr<function, Acc>, b: Acc, k: Beta) {
  (*a).top += b.top;
  (*a).low += b.low;
  (*a).nan += b.nan;
  if (b.n > 0u) { join(a, b.m, b.s, b.t, b.tau, k); }
}

fn resultOf(a: Acc, k: Beta) -> u32 {
  let sign = bitcast<u32>(k.q) & SIGN;
  if (a.nan > 0u || (k.rule == 2u && a.top > 0u && a.low > 0u)) { return NAN; }
  if (a.top > 0u) { return sign | INF; }
  if (a.n == 0u || (k.rule == 2u && a.low > 0u)) { return (sign ^ SIGN) | INF; }
  let y = scaled(a.m + a.t / a.s, k.shift);
  return ((y & SIGN) ^ sign) | min(y & ABS, MOST);
}

// M, S and tau as bits. An infinite M, of the sign it has when scaled by q, marks a window whose
// weight is shared by its infinite taps of that sign.
fn keep(a: Acc, k: Beta) -> vec3<u32> {
  // The average is linear: its slopes do not depend on the values.
  let others = f32(a.top + a.low + a.nan);
  if (k.rule == 2u) { return vec3(0u, bitcast<u32>(a.s + others), 0u); }
  if (a.nan > 0u) { return vec3(NAN, 0u, 0u); }
  if (a.top > 0u) { return vec3(INF, bitcast<u32>(f32(a.top)), 0u); }
  if (a.n == 0u) { return vec3(INF | SIGN, bitcast<u32>(f32(a.low)), 0u); }
  return vec3(bitcast<u32>(a.m), bitcast<u32>(a.s), bitcast<u32>(a.tau / a.s));
}
`;

/** `slopeOf(bits, m, s, tau, k)`: dy/dx of a tap in a window of which a forward kept m, s and tau. */
export const SLOPE_WGSL = `
fn slopeOf(bits: u32, m: u32, s: f32, tau: f32, k: Beta) -> f32 {
  if (k.rule == 2u) { return 1.0 / s; }
  if ((m & ABS) == INF) {
    return select(0.0, 1.0 / s, (bits ^ (bitcast<u32>(k.q) & SIGN)) == m);
  }
  if ((bits & ABS) >= INF) { return 0.0; }
  let d = max(bitcast<f32>(bits) * k.q - bitcast<f32>(m), k.low);
  let t = d * k.s1 * k.s2;
  return weightOf(d, t, k) / s * select(1.0 + t - tau, 1.0, P.weights == 1u);
}
`;

/** The accumulator of the weighted variance and its walk; `varianceOf` gives it. */
export const VARIANCE_WGSL = (walk: string): string => `
struct Acc { m: f32, s: f32, mean: f32, squares: f32, n: u32, top: u32, low: u32, nan: u32, most: u32 }

fn empty() -> Acc { return Acc(0.0, 0.0, 0.0, 0.0, 0u, 0u, 0u, 0u, 0u); }

fn join(a: ptr<function, Acc>, m: f32, s: f32, mean: f32, squares: f32, k: Beta) {
  let all = *a;
  if (all.n == 0u) {
    *a = Acc(m, s, mean, squares, 1u, all.top, all.low, all.nan, all.most);
    return;
  }
  let d = max(-abs(m - all.m), k.low);
  let e = weightOf(d, d * k.s1 * k.s2, k);
  let up = m > all.m;
  let own = all.s * select(1.0, e, up);
  let other = s * select(e, 1.0, up);
  let sum = own + other;
  let step = mean - all.mean;
  (*a).m = max(m, all.m);
  (*a).s = sum;
  (*a).mean = all.mean + step * (other / sum);
  (*a).squares = all.squares * select(1.0, e, up) + squares * select(e, 1.0, up)
    + step * step * (own / sum) * other;
}

fn add(a: ptr<function, Acc>, bits: u32, number: u32, k: Beta) {
  if ((bits & ABS) < INF) {
    (*a).most = max((*a).most, bits & ABS);
    let z = bitcast<f32>(bits) * k.q;
    join(a, z, 1.0, z, 0.0, k);
    return;
  }
  if ((bits & ABS) > INF) { (*a).nan = 1u; }
  else if (isTop(bits, k)) { (*a).top += 1u; }
  else { (*a).low += 1u; }
}

fn merge(a: ptr<function, Acc>, b: Acc, k: Beta) {
  (*a).top += b.top;
  (*a).low += b.low;
  (*a).nan |= b.nan;
  (*a).most = max((*a).most, b.most);
  if (b.n > 0u) { join(a, b.m, b.s, b.mean, b.squares, k); }
}
${walk}
// The variance is a float, given as bits, times a power of two.
fn varianceOf(at: Place) -> vec2<u32> {
  let k = betaOf(at);
  // Squares of values from 2^50 on are formed of the values divided by 2^80.
  var a = walk(at, Beta(k.q, k.low, k.s1, k.s2, k.rule, 0));
  var shift = 2 * k.shift;
  if (a.most >= 0x58800000u) {
    a = walk(at, Beta(k.q * 0x1p-80f, min(k.low * 0x1p-80f, -0x1p-120f), k.s1 * 0x1p+40f, k.s2 * 0x1p+40f, k.rule, 0));
    shift += 160;
  }
  if (a.nan > 0u) { return vec2(NAN, 0u); }
  if (k.rule == 2u && a.top + a.low > 0u) {
    return vec2(select(select(0u, INF, a.n > 0u), NAN, a.top > 0u && a.low > 0u), 0u);
  }
  if (k.rule == 1u || a.top > 0u || a.n == 0u) { return vec2(0u); }
  return vec2(bitcast<u32>(a.squares / a.s), bitcast<u32>(shift));
}
`;
