/**
 * Pools a picture of any size tile by tile: bands of rows, cut into columns where a single row of
 * windows is too much. Partial windows at the right and the bottom are kept (ceil mode); overlapping
 * windows share rows and columns between tiles.
 */
import { setImmediate } from "node:timers/promises";
import type { Light } from "@softpool/pictures";
import { empty, engineInfo, pooledShape, type WasmTensor } from "softpool";
import { Failure } from "../errors.ts";
import type { Method } from "../methods.ts";
import { fromPlanes, type Tile, toPlanes } from "./planes.ts";
import { type Format, Raster, rowBytes } from "./raster.ts";

/** A tile has at most about this many input values, unless a single window has more. */
const TILE = 8_000_000;
/** Stored rows are read in pieces of about this many bytes. */
const PIECE = 16 * 2 ** 20;

/** What is done to a picture. */
export interface Pooling {
  /** The method. */
  readonly method: Method;
  /** Window height and width. */
  readonly kernel: readonly [number, number];
  /** Distance of windows. */
  readonly stride: readonly [number, number];
  /** SoftPool's temperature. */
  readonly beta: number;
  /** What is pooled: sRGB values or linear light. */
  readonly light: Light;
}

/** A pooled picture and the time the operator took, in milliseconds. */
export interface Pooled {
  /** The result. */
  readonly raster: Raster;
  /** Time of the pooling itself, without decoding and conversion. */
  readonly milliseconds: number;
}

/** What the result can hold: bits of a value, and whether alpha is kept or laid over white. */
export interface Target {
  /** 8 or 16. */
  readonly bits: 8 | 16;
  /** Whether alpha is kept. */
  readonly alpha: boolean;
}

/** Thrown where the work was stopped between tiles. */
export class Stopped extends Error {}

/** Output height and width of a pooling; a window larger than the picture is a failure. */
export function pooledSize(
  [height, width]: readonly [number, number],
  { kernel, stride }: Pick<Pooling, "kernel" | "stride">,
): [height: number, width: number] {
  if (kernel[0] > height || kernel[1] > width) {
    throw new Failure(
      `the kernel of ${kernel[1]} x ${kernel[0]} is larger than the picture of ${width} x ${height} pixels`,
    );
  }
  const window = { kernelSize: kernel, stride, ceilMode: true };
  const [, , h, w] = pooledShape("2d", [1, 1, height, width], window);
  return [h, w];
}

/** Outputs `[first, first + count)` of an axis, and the inputs `[from, to)` that they see. */
interface Span {
  readonly first: number;
  readonly count: number;
  readonly from: number;
  readonly to: number;
}

/** Cuts an axis into spans of at most `most` inputs, where a window has not more. */
function spans(size: number, out: number, kernel: number, stride: number, most: number): Span[] {
  const each = Math.max(1, Math.floor((most - kernel) / stride) + 1);
  const result: Span[] = [];
  for (let first = 0; first < out; first += each) {
    const count = Math.min(each, out - first);
    const from = first * stride;
    const to = Math.min(size, from + (count - 1) * stride + kernel);
    result.push({ first, count, from, to });
  }
  return result;
}

/**
 * Pools a picture; the input stays as it is.
 * @param target what the result can hold; default: what the input has
 * @param stop asked between tiles
 * @param most input values of a tile, unless a single window has more
 * @throws Stopped when `stop` said so
 */
export async function poolRaster(
  input: Raster,
  pooling: Pooling,
  target: Target = { bits: input.format.bits, alpha: true },
  stop: () => boolean = () => false,
  most: number = TILE,
): Promise<Pooled> {
  const { width, height, channels, bits } = input.format;
  const { kernel, stride, light } = pooling;
  const [outHeight, outWidth] = pooledSize([height, width], pooling);
  const storedChannels = channels % 2 === 0 && !target.alpha ? channels - 1 : channels;
  const format = {
    width: outWidth,
    height: outHeight,
    channels: storedChannels,
    bits: target.bits,
  };
  // Compiles the kernels now, which is not the time of a pooling.
  engineInfo();
  const raster = Raster.create(format as Format);
  const columns = spans(width, outWidth, kernel[1], stride[1], most / channels / kernel[0]);
  const widest = Math.max(...columns.map(({ from, to }) => to - from));
  const rows = spans(height, outHeight, kernel[0], stride[0], most / channels / widest);
  const pieceRows = Math.max(1, Math.floor(PIECE / rowBytes({ width, height, channels, bits })));
  let milliseconds = 0;
  try {
    for (const row of rows) {
      const size = row.count * outWidth * storedChannels;
      const stored = target.bits === 16 ? new Uint16Array(size) : new Uint8Array(size);
      for (const column of columns) {
        const [h, w] = [row.to - row.from, column.to - column.from];
        const x = empty([1, channels, h, w]);
        try {
          const tile = { planes: x.data, count: h * w, channels, left: column.from, width: w };
          for (let top = row.from; top < row.to; top += pieceRows) {
            const piece = input.read(top, Math.min(pieceRows, row.to - top));
            toPlanes(piece, width, light, tile, top - row.from);
          }
          milliseconds += poolTile(x, pooling, row, column, (planes) => {
            const count = row.count * column.count;
            const out: Tile = { planes, count, channels, left: column.first, width: column.count };
            fromPlanes(out, light, stored, storedChannels);
          });
        } finally {
          x.dispose();
        }
        await setImmediate();
        if (stop()) throw new Stopped();
      }
      raster.write(row.first, stored);
    }
  } catch (error) {
    raster.dispose();
    throw error;
  }
  return { raster, milliseconds };
}

/** Pools one tile, hands the result to `use`, and returns the milliseconds of the pooling. */
function poolTile(
  x: WasmTensor<Float32Array>,
  { method, kernel, stride, beta }: Pooling,
  row: Span,
  column: Span,
  use: (planes: Float32Array) => void,
): number {
  const start = performance.now();
  const y = method.pool(x, {
    kernelSize: kernel,
    stride,
    ceilMode: true,
    ...(method.name === "soft" ? { beta } : {}),
  });
  const milliseconds = performance.now() - start;
  const [, , h, w] = y.shape;
  if (h !== row.count || w !== column.count) {
    throw new Error(`a tile gave ${w} x ${h} results instead of ${column.count} x ${row.count}`);
  }
  use(y.data);
  (y as Partial<WasmTensor>).dispose?.();
  return milliseconds;
}
