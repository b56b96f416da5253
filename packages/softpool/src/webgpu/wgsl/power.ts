/**
 * Power-average pooling in WGSL: y = (sum |x_i|^p / M)^(1/p), M = 1 or the number of taps, relative to
 * the largest magnitude m: r_i = |x_i| / m, s = sum r_i^p, y = m 2^f with f = log2(s / M) / p.
 * Gradient: sign(x_i) (|x_i| / y)^(p-1) / M = sign(x_i) 2^((p-1) (log2 r_i - f)) / M.
 *
 * log2 of a quotient a / b near 1 is 2 atanh((a - b) / (a + b)) / ln 2, by a series to the 11th power:
 * WGSL's own has an absolute error there that large powers would make visible.
 */
export const POWER_WGSL = `
struct Acc { m: u32, s: f32, n: u32, infinite: u32, nan: u32 }

fn empty() -> Acc { return Acc(0u, 0.0, 0u, 0u, 0u); }

fn log2Ratio(a: f32, b: f32) -> f32 {
  let i = bitcast<u32>(a);
  let j = bitcast<u32>(b);
  var e = i32(i >> 23u) - i32(j >> 23u);
  var f = bitcast<f32>((i & 0x7fffffu) | 0x3f800000u);
  let g = bitcast<f32>((j & 0x7fffffu) | 0x3f800000u);
  if (f > 1.4142135 * g) { f *= 0.5; e += 1; }
  else if (g > 1.4142135 * f) { f *= 2.0; e -= 1; }
  let u = (f - g) / (f + g);
  let v = u * u;
  let series = 1.0 + v * (0.33333334 + v * (0.2 + v * (0.14285715 + v * (0.11111111 + v * 0.09090909))));
  return f32(e) + 2.88539 * u * series;
}

// (a / b)^p for a <= b, both above 0.
fn powerOf(a: u32, b: u32) -> f32 {
  let t = P.p * log2Ratio(bitcast<f32>(a), bitcast<f32>(b));
  return select(exp2(max(t, -160.0)), 1.0, a == b);
}

fn join(a: ptr<function, Acc>, m: u32, s: f32) {
  if (m == 0u) { return; }
  let old = (*a).m;
  if (old == 0u) { (*a).m = m; (*a).s = s; }
  else if (m > old) { (*a).m = m; (*a).s = (*a).s * powerOf(old, m) + s; }
  else { (*a).s += s * powerOf(m, old); }
}

fn add(a: ptr<function, Acc>, bits: u32, number: u32) {
  (*a).n += 1u;
  let m = bits & ABS;
  if (m > INF) { (*a).nan = 1u; }
  else if (m == INF) { (*a).infinite += 1u; }
  else if (m >= 0x00800000u) { join(a, m, 1.0); }
}

fn merge(a: ptr<function, Acc>, b: Acc) {
  (*a).n += b.n;
  (*a).nan |= b.nan;
  (*a).infinite += b.infinite;
  join(a, b.m, b.s);
}

fn powerResult(a: Acc, M: f32) -> u32 {
  if (a.nan > 0u) { return NAN; }
  if (a.infinite > 0u) { return INF; }
  if (a.m == 0u) { return 0u; }
  let f = clamp(log2Ratio(a.s, M) * P.invP, -500.0, 500.0);
  let whole = round(f);
  let mantissa = bitcast<f32>((a.m & 0x7fffffu) | 0x3f800000u);
  return scaled(mantissa * exp2(f - whole), i32(a.m >> 23u) - 127 + i32(whole));
}

// m, f and 1 / M as bits.
fn keep(a: Acc, M: f32) -> vec3<u32> {
  if (a.nan > 0u) { return vec3(NAN, 0u, 0u); }
  let s = select(a.s, f32(a.infinite), a.infinite > 0u);
  let m = select(a.m, INF, a.infinite > 0u);
  let f = select(log2Ratio(s, M) * P.invP, 0.0, m == 0u);
  return vec3(m, bitcast<u32>(clamp(f, -1e30, 1e30)), bitcast<u32>(1.0 / M));
}

// log2 of the magnitude of a slope without 1 / M; 1000 where it is 0.
fn slopeLog(bits: u32, m: u32, f: f32) -> f32 {
  let a = bits & ABS;
  if (a < 0x00800000u || (m == INF && a != INF)) { return 1000.0; }
  let r = select(log2Ratio(bitcast<f32>(a), bitcast<f32>(m)), 0.0, a == m);
  return clamp(P.slopeP * (r - f), -200.0, 200.0);
}
`;
