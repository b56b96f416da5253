/**
 * How a kernel walks over the taps of one window, one by one: works for every window, layout and type.
 * The taps go to an accumulator of the method (`Acc`, `add`, `merge`), row by row and in blocks of 32,
 * so that the rounding errors of long sums stay small.
 */

/** Positions of elements: plane, channel inside the plane, and the coordinates of the axes. */
export const PLACE_WGSL: string = `
struct Place { plane: u32, c: u32, d: i32, h: i32, w: i32 }

fn placeOf(i: u32, sizeD: i32, sizeH: i32, sizeW: i32) -> Place {
  var r = i / P.inner;
  let c = i - r * P.inner;
  let w = r % u32(sizeW);
  r = r / u32(sizeW);
  let h = r % u32(sizeH);
  r = r / u32(sizeH);
  let d = r % u32(sizeD);
  return Place(r / u32(sizeD), c, i32(d), i32(h), i32(w));
}

fn inputPlace(i: u32) -> Place { return placeOf(i, P.inD, P.inH, P.inW); }
fn outputPlace(i: u32) -> Place { return placeOf(i, P.outD, P.outH, P.outW); }
fn outputIndex(at: Place) -> u32 {
  return ((at.plane * u32(P.outD) + u32(at.d)) * u32(P.outH) + u32(at.h)) * u32(P.outW) * P.inner
    + u32(at.w) * P.inner + at.c;
}
`;

/** Parameter and argument of what `context` names. */
function parts(context: string) {
  const comma = context === "" ? "" : ", ";
  return { extra: comma + context.split(":")[0], parameter: comma + context };
}

/** Statements that add the tap at `d`, `h`, `w` to `part`, and merge blocks of 32, `turn` counting. */
function addTap(extra: string, turn: string): string {
  return `        let exists = inside && w >= 0 && w < P.inW;
        if (exists || P.zero == 1u) {
          var bits = 0u;
          if (exists) { bits = xAt(base + u32((d * P.inH + h) * P.inW + w) * P.inner); }
          add(&part, bits, number${extra});
        }
        if ((${turn} & 31) == 31) {
          merge(&all, part${extra});
          part = empty();
        }`;
}

const ORIGIN = `  var all = empty();
  let d0 = at.d * P.strideD - P.padD;
  let h0 = at.h * P.strideH - P.padH;
  let w0 = at.w * P.strideW - P.padW;
  let base = P.x0 + at.plane * u32(P.inD * P.inH * P.inW) * P.inner + at.c;`;

/**
 * `walk(at)`: the accumulator of the window of output `at`. The method's `add` takes the accumulator,
 * the bits of the tap, its number in the window, and whatever `context` names.
 * @param context an extra parameter as `name: type`, handed on to `add` and `merge`
 */
export function walkWgsl(context = ""): string {
  const { extra, parameter } = parts(context);
  return `
fn walk(at: Place${parameter}) -> Acc {
${ORIGIN}
  for (var a = 0; a < P.kernelD; a++) {
    let d = d0 + a * P.dilationD;
    for (var b = 0; b < P.kernelH; b++) {
      let h = h0 + b * P.dilationH;
      let inside = d >= 0 && d < P.inD && h >= 0 && h < P.inH;
      if (!inside && P.zero == 0u) { continue; }
      var part = empty();
      for (var e = 0; e < P.kernelW; e++) {
        let w = w0 + e * P.dilationW;
        let number = u32((a * P.kernelH + b) * P.kernelW + e);
${addTap(extra, "e")}
      }
      merge(&all, part${extra});
    }
  }
  return all;
}
`;
}

/**
 * The same for large windows: the 64 threads of a workgroup share one, each taking every 64th tap; all
 * of them get the accumulator. To be called by all of them together.
 */
export function sharedWalkWgsl(context = ""): string {
  const { extra, parameter } = parts(context);
  return `
var<workgroup> shares: array<Acc, 64>;

fn walk(at: Place${parameter}) -> Acc {
${ORIGIN}
  let taps = P.kernelD * P.kernelH * P.kernelW;
  var part = empty();
  var turn = 0;
  for (var t = i32(lane); t < taps; t += 64) {
    let number = u32(t);
    let r = t / P.kernelW;
    let a = r / P.kernelH;
    let d = d0 + a * P.dilationD;
    let h = h0 + (r - a * P.kernelH) * P.dilationH;
    let w = w0 + (t - r * P.kernelW) * P.dilationW;
    let inside = d >= 0 && d < P.inD && h >= 0 && h < P.inH;
${addTap(extra, "turn")}
    turn++;
  }
  merge(&all, part${extra});
  workgroupBarrier();
  shares[lane] = all;
  for (var half = 32u; half > 0u; half = half >> 1u) {
    workgroupBarrier();
    if (lane < half) {
      var sum = shares[lane];
      merge(&sum, shares[lane + half]${extra});
      shares[lane] = sum;
    }
  }
  return workgroupUniformLoad(&shares[0]);
}
`;
}

/**
 * `divisor(at)`: the number of taps that the average of output `at` counts. Where padded taps are
 * zeros, those in the padding count, but not what ceil mode adds behind it.
 */
export const DIVISOR_WGSL: string = `
fn counted(o: i32, k: i32, s: i32, d: i32, pad: i32, size: i32, end: i32) -> i32 {
  let start = o * s - pad;
  if (P.zero == 1u) { return min(k, (end - start + d - 1) / d); }
  return min(k, (size - start + d - 1) / d) - max(0, (d - 1 - start) / d);
}

fn divisor(at: Place) -> f32 {
  return f32(counted(at.d, P.kernelD, P.strideD, P.dilationD, P.padD, P.inD, P.endD)
    * counted(at.h, P.kernelH, P.strideH, P.dilationH, P.padH, P.inH, P.endH)
    * counted(at.w, P.kernelW, P.strideW, P.dilationW, P.padW, P.inW, P.endW));
}
`;
