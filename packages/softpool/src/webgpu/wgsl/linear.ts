/**
 * Average and sum in WGSL. Taps are scaled by q = 2^-shift, at most 1 / taps, so that the sum of any
 * finite taps is finite; a sum that leaves float32 becomes infinite, an average stays below the largest
 * number. NaN and infinities are noted by their bits: opposite infinities give NaN.
 */

/** The accumulator; `resultOf(a, divisor)` gives bits. */
export const LINEAR_WGSL = `
struct Acc { s: f32, n: u32, plus: u32, minus: u32, nan: u32 }

fn empty() -> Acc { return Acc(0.0, 0u, 0u, 0u, 0u); }

fn add(a: ptr<function, Acc>, bits: u32, number: u32) {
  (*a).n += 1u;
  if ((bits & ABS) < INF) { (*a).s += bitcast<f32>(bits) * P.q; }
  else if ((bits & ABS) > INF) { (*a).nan = 1u; }
  else if ((bits & SIGN) == 0u) { (*a).plus = 1u; }
  else { (*a).minus = 1u; }
}

fn merge(a: ptr<function, Acc>, b: Acc) {
  *a = Acc((*a).s + b.s, (*a).n + b.n, (*a).plus | b.plus, (*a).minus | b.minus, (*a).nan | b.nan);
}

fn resultOf(a: Acc, divisor: f32) -> u32 {
  if (a.nan > 0u || (a.plus > 0u && a.minus > 0u)) { return NAN; }
  if (a.plus > 0u) { return INF; }
  if (a.minus > 0u) { return SIGN | INF; }
  return scaled(a.s / divisor, P.shift);
}

// A mean of finite numbers is finite: rounding must not carry it beyond the largest.
fn bounded(bits: u32, a: Acc) -> u32 {
  let finite = (a.nan | a.plus | a.minus) == 0u;
  return select(bits, (bits & SIGN) | min(bits & ABS, MOST), finite);
}
`;
