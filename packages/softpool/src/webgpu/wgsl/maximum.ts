/**
 * The maximum in WGSL, by integers alone: bits of floats, ordered as the floats are, compare exactly,
 * infinities and subnormal numbers included; NaN wins. The first of equal taps is the maximum. With
 * `P.flip` all signs are flipped before and after: the minimum.
 */
export const MAXIMUM_WGSL = `
struct Acc { key: i32, first: u32, nan: u32 }

fn empty() -> Acc { return Acc(-0x7fffffff - 1, 0u, 0u); }

// An integer in the order of the floats, flipped or not; both zeros are equal.
fn keyOf(bits: u32) -> i32 {
  let b = bits ^ P.flip;
  let i = bitcast<i32>(select(b, 0u, b == SIGN));
  return select(i, i ^ 0x7fffffff, i < 0);
}

fn add(a: ptr<function, Acc>, bits: u32, number: u32) {
  if ((bits & ABS) > INF) { (*a).nan = 1u; }
  let key = keyOf(bits);
  if (key > (*a).key) {
    (*a).key = key;
    (*a).first = number;
  }
}

fn merge(a: ptr<function, Acc>, b: Acc) {
  (*a).nan |= b.nan;
  if (b.key > (*a).key || (b.key == (*a).key && b.first < (*a).first)) {
    (*a).key = b.key;
    (*a).first = b.first;
  }
}

fn bitsOf(key: i32) -> u32 {
  return bitcast<u32>(select(key, key ^ 0x7fffffff, key < 0)) ^ P.flip;
}

fn resultOf(a: Acc) -> u32 {
  return select(bitsOf(a.key), NAN, a.nan > 0u);
}
`;
