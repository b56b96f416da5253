/**
 * The kernels of this package, two float64 at a time, in AssemblyScript: `take` compares rows with a
 * reference at every scale, or makes the reference; `blend` interpolates between rows; `light` converts
 * rows. What is computed stands in src/ssim-map.ts, src/pyramid.ts, src/resize.ts and src/light.ts.
 *
 * Up to 32 rows are taken at once. They are filtered strip by strip, 64 columns of the map, so that what is
 * filtered along rows stays in the first cache until it is filtered along columns.
 */
import { across, along, copy, multiply, similarity, subtractSquares } from "./filter";
import {
  BESIDE,
  KEPT,
  LINE,
  levelAt,
  PLANE,
  PRODUCTS,
  SAMPLES,
  STRIP,
  TILE,
  VARIANCES,
} from "./level";

export { light } from "./light";

/** One strip of `take`. */
function strip(address: usize, index: i32, count: i32, reference: bool): void {
  const level = levelAt(address);
  const columns = min(STRIP, level.columns - index * STRIP);
  const squares = level.work;
  const products = squares + PRODUCTS;
  const means = products + PRODUCTS;
  const lines = means + 3 * LINE;
  const kept = level.kept + 3 * KEPT * index;
  const planes: usize = reference ? 2 : 3;
  for (let p: usize = 0; p < planes; p++) copy(kept + p * KEPT, lines + p * PLANE, KEPT);
  let tile = level.tiles + TILE * (index * level.height + level.row);
  let from = level.rows + <usize>index * (STRIP << 3);
  let line = lines + KEPT;
  for (let i = 0; i < count; i++, from += level.step, tile += TILE, line += LINE) {
    if (reference) copy(from, tile + SAMPLES, (BESIDE + STRIP) << 3);
    multiply(from, tile + SAMPLES, squares, products, columns + BESIDE);
    if ((level.same >> i) & 1) {
      copy(line - LINE, line, LINE);
      copy(line + PLANE - LINE, line + PLANE, LINE);
    } else {
      along(from, line, columns);
      along(squares, line + PLANE, columns);
    }
    if (!reference) along(products, line + 2 * PLANE, columns);
    if (level.row + i < BESIDE) continue;
    const first = line - KEPT;
    if (reference) {
      across(first, tile, columns);
      across(first + PLANE, tile + VARIANCES, columns);
      subtractSquares(tile, tile + VARIANCES, columns);
    } else {
      for (let p: usize = 0; p < 3; p++) across(first + p * PLANE, means + p * LINE, columns);
      similarity(address, means, tile, columns);
    }
  }
  const last = lines + <usize>count * LINE;
  for (let p: usize = 0; p < planes; p++) copy(last + p * PLANE, kept + p * KEPT, KEPT);
}

/** The 2 x 2 means of two rows. */
function halve(first: usize, second: usize, to: usize, count: i32): void {
  const quarter = f64x2.splat(0.25);
  const end = to + ((<usize>count) << 3);
  for (; to < end; to += 16, first += 32, second += 32) {
    const a = v128.load(first);
    const b = v128.load(first, 16);
    const c = v128.load(second);
    const d = v128.load(second, 16);
    const above = f64x2.add(v128.shuffle<f64>(a, b, 0, 2), v128.shuffle<f64>(a, b, 1, 3));
    const below = f64x2.add(v128.shuffle<f64>(c, d, 0, 2), v128.shuffle<f64>(c, d, 1, 3));
    v128.store(to, f64x2.mul(f64x2.add(above, below), quarter));
  }
}

/**
 * Takes the rows of planes at a level, and their 2 x 2 means at those below. Strip by strip, so that planes
 * are compared with what is in the cache.
 *
 * @param at address of the first plane's level
 * @param count how many rows, at most 32; even unless they are the last ones
 * @param reference whether the rows make the reference instead of being compared with it
 */
export function take(at: usize, count: i32, reference: bool): void {
  const first = levelAt(at);
  for (let i = 0; i * STRIP < first.columns; i++) {
    for (let plane = at; plane !== 0; plane = levelAt(plane).beside) {
      strip(plane, i, count, reference);
    }
  }
  const pairs = count >> 1;
  for (let plane = at; plane !== 0; plane = levelAt(plane).beside) {
    const level = levelAt(plane);
    level.row += count;
    level.same = 0;
    if (level.next === 0) continue;
    const half = levelAt(level.next);
    for (let i = 0; i < pairs; i++) {
      const from = level.rows + <usize>(2 * i) * level.step;
      halve(from, from + level.step, half.rows + <usize>i * half.step, half.width);
    }
  }
  if (first.next !== 0) take(first.next, pairs, reference);
}

/**
 * A row between others: their sum with weights.
 *
 * @param a address of the first row; `b`, `c` and `d` of the others; the last two are left out where `four` is not set
 */
export function blend(
  to: usize,
  count: i32,
  four: bool,
  a: usize,
  b: usize,
  c: usize,
  d: usize,
  wa: f64,
  wb: f64,
  wc: f64,
  wd: f64,
): void {
  const va = f64x2.splat(wa);
  const vb = f64x2.splat(wb);
  const end = to + ((<usize>count) << 3);
  if (!four) {
    for (; to < end; to += 16, a += 16, b += 16) {
      v128.store(to, f64x2.add(f64x2.mul(va, v128.load(a)), f64x2.mul(vb, v128.load(b))));
    }
    return;
  }
  const vc = f64x2.splat(wc);
  const vd = f64x2.splat(wd);
  for (; to < end; to += 16, a += 16, b += 16, c += 16, d += 16) {
    let s = f64x2.add(f64x2.mul(va, v128.load(a)), f64x2.mul(vb, v128.load(b)));
    s = f64x2.add(s, f64x2.mul(vc, v128.load(c)));
    v128.store(to, f64x2.add(s, f64x2.mul(vd, v128.load(d))));
  }
}
