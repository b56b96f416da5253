/**
 * The backward as a gather: each input element sums what the windows that cover it give, so that no two
 * write the same element and no atomics are needed. Output gradients are scaled by 2^-gradShift, so that
 * the sum stays finite; NaN and infinities are noted by their bits, as in any sum.
 */
/** A sum of gradients that any value may join. */
export const SUM_WGSL = `
struct Sum { s: f32, plus: u32, minus: u32, nan: u32 }

// Adds an output gradient times a slope.
fn push(a: ptr<function, Sum>, g: u32, slope: f32) {
  if ((g & ABS) < INF) { (*a).s += bitcast<f32>(g) * P.gradScale * slope; }
  else if ((g & ABS) > INF || slope == 0.0) { (*a).nan = 1u; }
  else if (((g & SIGN) == 0u) == (slope > 0.0)) { (*a).plus = 1u; }
  else { (*a).minus = 1u; }
}

fn total(a: Sum) -> u32 {
  if (a.nan > 0u || (a.plus > 0u && a.minus > 0u)) { return NAN; }
  if (a.plus > 0u) { return INF; }
  if (a.minus > 0u) { return SIGN | INF; }
  return scaled(a.s, P.gradShift);
}
`;

/** One axis of the loop over the windows that cover an element; to be closed with a brace. */
function loop(axis: string): string {
  const c = axis.toLowerCase();
  return `
  let at${axis} = at.${c} + P.pad${axis};
  let reach${axis} = (P.kernel${axis} - 1) * P.dilation${axis};
  let first${axis} = max(0, (at${axis} - reach${axis} + P.stride${axis} - 1) / P.stride${axis});
  let end${axis} = min(P.out${axis}, at${axis} / P.stride${axis} + 1);
  for (var o${axis} = first${axis}; o${axis} < end${axis}; o${axis}++) {
    let rest${axis} = at${axis} - o${axis} * P.stride${axis};
    let tap${axis} = rest${axis} / P.dilation${axis};
    if (rest${axis} < 0 || rest${axis} > reach${axis} || tap${axis} * P.dilation${axis} != rest${axis}) {
      continue;
    }`;
}

/**
 * A function that gives the gradient of element i after `own0`.
 * @param name its name
 * @param before statements before the loop; the element is at `at`, number `local`
 * @param each statements for a window: its output is number `o` at `out`, the element its tap `number`;
 *   they `push` to `sum`
 */
export function gatherWgsl(name: string, before: string, each: string): string {
  return `${SUM_WGSL}
fn ${name}(i: u32) -> u32 {
  let local = P.own0 + i;
  let at = inputPlace(local);
${before}
  var sum = Sum(0.0, 0u, 0u, 0u);
${loop("D")}${loop("H")}${loop("W")}
    let out = Place(at.plane, at.c, oD, oH, oW);
    let o = outputIndex(out);
    let number = u32((tapD * P.kernelH + tapH) * P.kernelW + tapW);
${each}
  }}}
  return total(sum);
}
`;
}
