/**
 * What the kernels know of one scale of a pyramid; src/levels.ts writes it. The reference lies in strips of
 * 64 columns of the map, from the top to the bottom, so that a comparison reads it in one go: for each row
 * a tile with 64 means and 64 variances, of the window that ends in this row, and the row's 74 samples.
 */

/** Columns of a strip. */
export const STRIP: i32 = 64;
/** Samples of the window beside its first. */
export const BESIDE: i32 = 10;
/** Bytes from a mean to the variance of the same place. */
export const VARIANCES: usize = 512;
/** Bytes from a tile to its samples. */
export const SAMPLES: usize = 1024;
/** Bytes of a tile. */
export const TILE: usize = 1632;
/** Bytes of a filtered row of a strip. */
export const LINE: usize = 576;
/** Bytes of the filtered rows of one plane: 10 of the rows before, and 32 new ones. */
export const PLANE: usize = 42 * LINE;
/** Bytes of the rows of one plane that are kept for the next call. */
export const KEPT: usize = 10 * LINE;
/** Bytes of a row of squares, and of one of products. */
export const PRODUCTS: usize = 640;

/** One scale of one plane. */
@unmanaged
export class Level {
  /** Address of the tiles. */
  tiles: usize;
  /** Address of the rows that are taken next. */
  rows: usize;
  /** Bytes from one of these rows to the next. */
  step: usize;
  /** Address of the filtered rows that are kept, strip by strip. */
  kept: usize;
  /** Address of a strip's squares, products and filtered rows; every scale may have the same. */
  work: usize;
  /** The next scale, half the size; 0 for the last. */
  next: usize;
  /** Rows of the reference: tiles of a strip. */
  height: i32;
  /** Columns of the rows that are taken. */
  width: i32;
  /** Columns of the map; none where the window does not fit. */
  columns: i32;
  /** Rows taken. */
  row: i32;
  /** 1 where the sum of l cs is wanted, 2 where that of cs is, 3 for both. */
  wanted: i32;
  /** The same scale of another plane, whose rows are taken at the same time; 0 for none. */
  beside: usize;
  /** Bit i says that row i of those taken next equals the one before. */
  same: u32;
  unused: i32;
  /** C1. */
  c1: f64;
  /** C2. */
  c2: f64;
  /** The sum of l cs so far. */
  ssim: f64;
  /** The sum of cs so far. */
  structure: f64;
}

/** The scale that is described at an address. */
export function levelAt(address: usize): Level {
  return changetype<Level>(address);
}
