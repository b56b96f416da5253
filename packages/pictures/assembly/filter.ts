/**
 * The 11-tap window along rows and along columns of a strip, two float64 at a time, and what is made of
 * it: a row of the SSIM map, or a row of moments. The sums are those of src/ssim-map.ts, in one order.
 *
 * The window is symmetric: byte 8 d of the memory holds the weight of the samples 5 - d away from its
 * middle, d = 0 to 5. Every loop goes over pairs: where a number of columns is odd, one sample too many is
 * read and one result too many written.
 */
import { LINE, levelAt, VARIANCES } from "./level";

function weight(d: usize): v128 {
  return v128.load64_splat(d << 3);
}

/** Copies whole vectors. */
export function copy(from: usize, to: usize, bytes: usize): void {
  for (const end = from + bytes; from < end; from += 32, to += 32) {
    v128.store(to, v128.load(from));
    v128.store(to, v128.load(from, 16), 16);
  }
}

/** The squares of a row, and its products with a row of the reference. */
export function multiply(
  row: usize,
  reference: usize,
  squares: usize,
  products: usize,
  count: i32,
): void {
  const end = row + ((<usize>count) << 3);
  for (; row < end; row += 16, reference += 16, squares += 16, products += 16) {
    const v = v128.load(row);
    v128.store(squares, f64x2.mul(v, v));
    v128.store(products, f64x2.mul(v, v128.load(reference)));
  }
}

/** Filters a row along itself. */
export function along(from: usize, to: usize, columns: i32): void {
  const w5 = weight(0);
  const w4 = weight(1);
  const w3 = weight(2);
  const w2 = weight(3);
  const w1 = weight(4);
  const w0 = weight(5);
  const end = from + ((<usize>columns) << 3);
  for (; from < end; from += 16, to += 16) {
    let s = f64x2.mul(w5, f64x2.add(v128.load(from), v128.load(from, 80)));
    s = f64x2.add(s, f64x2.mul(w4, f64x2.add(v128.load(from, 8), v128.load(from, 72))));
    s = f64x2.add(s, f64x2.mul(w3, f64x2.add(v128.load(from, 16), v128.load(from, 64))));
    s = f64x2.add(s, f64x2.mul(w2, f64x2.add(v128.load(from, 24), v128.load(from, 56))));
    s = f64x2.add(s, f64x2.mul(w1, f64x2.add(v128.load(from, 32), v128.load(from, 48))));
    s = f64x2.add(s, f64x2.mul(w0, v128.load(from, 40)));
    v128.store(to, s);
  }
}

/** Filters 11 rows along columns into one. */
export function across(at: usize, to: usize, columns: i32): void {
  const w5 = weight(0);
  const w4 = weight(1);
  const w3 = weight(2);
  const w2 = weight(3);
  const w1 = weight(4);
  const w0 = weight(5);
  const end = at + ((<usize>columns) << 3);
  for (; at < end; at += 16, to += 16) {
    let s = f64x2.mul(w5, f64x2.add(v128.load(at), v128.load(at, 10 * LINE)));
    s = f64x2.add(s, f64x2.mul(w4, f64x2.add(v128.load(at, LINE), v128.load(at, 9 * LINE))));
    s = f64x2.add(s, f64x2.mul(w3, f64x2.add(v128.load(at, 2 * LINE), v128.load(at, 8 * LINE))));
    s = f64x2.add(s, f64x2.mul(w2, f64x2.add(v128.load(at, 3 * LINE), v128.load(at, 7 * LINE))));
    s = f64x2.add(s, f64x2.mul(w1, f64x2.add(v128.load(at, 4 * LINE), v128.load(at, 6 * LINE))));
    s = f64x2.add(s, f64x2.mul(w0, v128.load(at, 5 * LINE)));
    v128.store(to, s);
  }
}

/**
 * Makes variances of a row of means of squares.
 *
 * @param second the means of squares; the variances in the end
 */
export function subtractSquares(mean: usize, second: usize, columns: i32): void {
  const end = mean + ((<usize>columns) << 3);
  for (; mean < end; mean += 16, second += 16) {
    const m = v128.load(mean);
    v128.store(second, f64x2.sub(v128.load(second), f64x2.mul(m, m)));
  }
}

/**
 * Adds a row of the map to the sums of a level.
 *
 * @param address of the level
 * @param mean the means of the samples; those of their squares and of their products follow, LINE bytes apart
 * @param tile the moments of the reference
 */
export function similarity(address: usize, mean: usize, tile: usize, columns: i32): void {
  const level = levelAt(address);
  const one = f64x2.splat(level.c1);
  const two = f64x2.splat(level.c2);
  const luminous = (level.wanted & 1) !== 0;
  const structured = (level.wanted & 2) !== 0;
  let ssim = f64x2.splat(0);
  let structure = f64x2.splat(0);
  for (let left = columns; left > 0; left -= 4, mean += 32, tile += 32) {
    // Two quotients have one division: a / b + c / d = (a d + c b) / (b d).
    let my = v128.load(mean);
    let mx = v128.load(tile);
    let yy = f64x2.mul(my, my);
    let mxy = f64x2.mul(mx, my);
    let light = f64x2.add(f64x2.add(f64x2.mul(mx, mx), yy), one);
    let luminance = f64x2.add(f64x2.add(mxy, mxy), one);
    let cov = f64x2.sub(v128.load(mean, 2 * LINE), mxy);
    let a = f64x2.add(f64x2.add(cov, cov), two);
    let variance = f64x2.sub(v128.load(mean, LINE), yy);
    let b = f64x2.add(f64x2.add(v128.load(tile, VARIANCES), variance), two);
    let la = f64x2.mul(luminance, a);
    let lb = f64x2.mul(light, b);
    my = v128.load(mean, 16);
    mx = v128.load(tile, 16);
    yy = f64x2.mul(my, my);
    mxy = f64x2.mul(mx, my);
    light = f64x2.add(f64x2.add(f64x2.mul(mx, mx), yy), one);
    luminance = f64x2.add(f64x2.add(mxy, mxy), one);
    cov = f64x2.sub(v128.load(mean, 2 * LINE + 16), mxy);
    let c = f64x2.add(f64x2.add(cov, cov), two);
    variance = f64x2.sub(v128.load(mean, LINE + 16), yy);
    let d = f64x2.add(f64x2.add(v128.load(tile, VARIANCES + 16), variance), two);
    let lc = f64x2.mul(luminance, c);
    let ld = f64x2.mul(light, d);
    if (left < 4) {
      // Behind the last column stands anything: 0 / 1 instead.
      if (left === 1) {
        a = f64x2.replace_lane(a, 1, 0);
        b = f64x2.replace_lane(b, 1, 1);
        la = f64x2.replace_lane(la, 1, 0);
        lb = f64x2.replace_lane(lb, 1, 1);
      }
      if (left < 3) {
        c = lc = f64x2.splat(0);
        d = ld = f64x2.splat(1);
      } else {
        c = f64x2.replace_lane(c, 1, 0);
        d = f64x2.replace_lane(d, 1, 1);
        lc = f64x2.replace_lane(lc, 1, 0);
        ld = f64x2.replace_lane(ld, 1, 1);
      }
    }
    if (luminous) {
      const sum = f64x2.add(f64x2.mul(la, ld), f64x2.mul(lc, lb));
      ssim = f64x2.add(ssim, f64x2.div(sum, f64x2.mul(lb, ld)));
    }
    if (structured) {
      const sum = f64x2.add(f64x2.mul(a, d), f64x2.mul(c, b));
      structure = f64x2.add(structure, f64x2.div(sum, f64x2.mul(b, d)));
    }
  }
  level.ssim += f64x2.extract_lane(ssim, 0) + f64x2.extract_lane(ssim, 1);
  level.structure += f64x2.extract_lane(structure, 0) + f64x2.extract_lane(structure, 1);
}
