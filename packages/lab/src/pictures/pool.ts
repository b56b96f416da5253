/**
 * Pools a picture of any size in bands of rows. Partial windows at the right and the bottom are kept
 * (ceil mode); overlapping windows share rows between bands.
 */
import type { Light } from "@softpool/pictures";
import { pooledShape } from "softpool";
import { Failure } from "../errors.ts";
import type { Method } from "../methods.ts";
import { fromPlanes, toPlanes } from "./planes.ts";
import { Raster } from "./raster.ts";

/** A band has about this many input values. */
const BAND = 6_000_000;

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

/** Pools a picture; the input stays as it is. */
export function poolRaster(input: Raster, pooling: Pooling): Pooled {
  const { width, height, channels, bits } = input.format;
  const { method, kernel, stride, beta, light } = pooling;
  const [outHeight, outWidth] = pooledSize([height, width], pooling);
  const raster = Raster.create({ width: outWidth, height: outHeight, channels, bits });
  const bandRows = Math.max(1, Math.floor(BAND / (width * channels * stride[0])));
  let milliseconds = 0;
  try {
    for (let first = 0; first < outHeight; first += bandRows) {
      const count = Math.min(bandRows, outHeight - first);
      const top = first * stride[0];
      const bottom = Math.min(height, (first + count - 1) * stride[0] + kernel[0]);
      const rows = input.read(top, bottom - top);
      const planes = new Float32Array(rows.length);
      toPlanes(rows, channels, light, planes);
      const x = { data: planes, shape: [1, channels, bottom - top, width] };
      const start = performance.now();
      const y = method.pool(x, {
        kernelSize: kernel,
        stride,
        ceilMode: true,
        ...(method.name === "soft" ? { beta } : {}),
      });
      milliseconds += performance.now() - start;
      raster.write(first, fromPlanes(y.data, count * outWidth, channels, bits, light));
    }
  } catch (error) {
    raster.dispose();
    throw error;
  }
  return { raster, milliseconds };
}
