/**
 * A picture in memory: one plane per channel (CHW), float32, and the few ways to cut one.
 *
 * The sample of channel c at column x and row y is `data[(c * height + y) * width + x]`. Values are
 * sRGB values or linear light in [0, 1]; which of the two is known by whoever holds the picture.
 */

/** A picture with one (grey) or three (red, green, blue) planes. */
export interface Picture {
  /** Columns, at least 1. */
  readonly width: number;
  /** Rows, at least 1. */
  readonly height: number;
  /** Planes: 1 (grey) or 3 (red, green, blue). */
  readonly channels: number;
  /** `channels * height * width` samples, plane by plane; in [0, 1], which a reconstruction may exceed. */
  readonly data: Float32Array;
}

/**
 * Makes a picture and checks its measures.
 *
 * @param width columns, an integer of at least 1
 * @param height rows, an integer of at least 1
 * @param channels 1 (grey) or 3 (red, green, blue)
 * @param data the samples, plane by plane; kept, not copied, and not inspected (NaN and Infinity
 *   pass); zeros when absent
 * @throws RangeError or TypeError naming the parameter
 */
export function createPicture(
  width: number,
  height: number,
  channels: number,
  data?: Float32Array,
): Picture {
  expectCount("createPicture", "width", width);
  expectCount("createPicture", "height", height);
  if (channels !== 1 && channels !== 3) {
    throw new RangeError(
      `createPicture: channels must be 1 (grey) or 3 (RGB), got ${channels}; drop or blend alpha first`,
    );
  }
  const length = width * height * channels;
  if (data === undefined) return { width, height, channels, data: new Float32Array(length) };
  if (!(data instanceof Float32Array)) {
    throw new TypeError(
      `createPicture: data must be a Float32Array, got ${describe(data)}; convert it with new Float32Array(data)`,
    );
  }
  if (data.length !== length) {
    throw new RangeError(
      `createPicture: data must have ${width} x ${height} x ${channels} = ${length} samples, got ${data.length}`,
    );
  }
  return { width, height, channels, data };
}

/**
 * Copies a rectangle out of a picture.
 *
 * @param p the picture
 * @param x left column, an integer from 0
 * @param y top row, an integer from 0
 * @param width columns, at least 1; the rectangle must lie inside the picture
 * @param height rows, at least 1
 * @throws RangeError when the rectangle leaves the picture
 */
export function crop(p: Picture, x: number, y: number, width: number, height: number): Picture {
  expectPicture("crop", "p", p);
  expectCount("crop", "width", width);
  expectCount("crop", "height", height);
  if (!Number.isInteger(x) || x < 0 || x + width > p.width) {
    throw new RangeError(
      `crop: x must be an integer from 0 with x + width <= ${p.width}, got x ${x} and width ${width}`,
    );
  }
  if (!Number.isInteger(y) || y < 0 || y + height > p.height) {
    throw new RangeError(
      `crop: y must be an integer from 0 with y + height <= ${p.height}, got y ${y} and height ${height}`,
    );
  }
  const data = new Float32Array(width * height * p.channels);
  for (let c = 0, to = 0; c < p.channels; c++) {
    for (let row = 0; row < height; row++, to += width) {
      const from = (c * p.height + y + row) * p.width + x;
      data.set(p.data.subarray(from, from + width), to);
    }
  }
  return { width, height, channels: p.channels, data };
}

/**
 * The largest top left part of a picture whose sides are multiples of `k`, copied.
 *
 * @param p the picture, at least `k` wide and high
 * @param k an integer of at least 1, usually a pooling kernel
 * @throws RangeError when a side is shorter than `k`
 */
export function cropToMultiple(p: Picture, k: number): Picture {
  expectPicture("cropToMultiple", "p", p);
  expectCount("cropToMultiple", "k", k);
  if (p.width < k || p.height < k) {
    throw new RangeError(
      `cropToMultiple: k must be at most the shorter side of the ${p.width} x ${p.height} picture, got ${k}`,
    );
  }
  return crop(p, 0, 0, p.width - (p.width % k), p.height - (p.height % k));
}

/** Throws a RangeError in the name of `operation` unless `value` is an integer of at least 1. */
export function expectCount(operation: string, parameter: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new RangeError(
      `${operation}: ${parameter} must be an integer of at least 1, got ${describe(value)}`,
    );
  }
}

/** Throws a TypeError in the name of `operation` unless `p` has the measures of a picture. */
export function expectPicture(operation: string, parameter: string, p: Picture): void {
  const whole =
    p?.data instanceof Float32Array &&
    (p.channels === 1 || p.channels === 3) &&
    p.width >= 1 &&
    p.height >= 1 &&
    p.data.length === p.width * p.height * p.channels;
  if (!whole) {
    throw new TypeError(
      `${operation}: ${parameter} must be a picture { width, height, channels, data }, got ${describe(p)}; make one with createPicture`,
    );
  }
}

/** Throws a RangeError in the name of `operation` unless `p` measures `width x height x channels`. */
export function expectSize(
  operation: string,
  parameter: string,
  p: Picture,
  size: { readonly width: number; readonly height: number; readonly channels: number },
): void {
  expectPicture(operation, parameter, p);
  if (p.width !== size.width || p.height !== size.height || p.channels !== size.channels) {
    throw new RangeError(
      `${operation}: ${parameter} must measure ${measures(size)} (width x height x channels), got ${measures(p)}`,
    );
  }
}

function measures(p: { width: number; height: number; channels: number }): string {
  return `${p.width} x ${p.height} x ${p.channels}`;
}

/** A few words on a value, for error messages. */
function describe(value: unknown): string {
  if (value === null || value === undefined || typeof value === "number") return String(value);
  if (typeof value !== "object") return `${typeof value} ${JSON.stringify(value)}`;
  const length = (value as { length?: unknown }).length;
  const name = value.constructor?.name ?? "object";
  return typeof length === "number" ? `${name} of length ${length}` : name;
}
