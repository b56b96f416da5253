/**
 * Applies a transform to a picture: a pure function of the pixels, the transform and (seed, epoch, index),
 * whatever thread or order it is computed in.
 */
import { jitterColours, lumaOf } from "./colour.ts";
import type { Pixels } from "./dataset.ts";
import { stream } from "./draw.ts";
import { type Axis, axisOf, type Layout, resample } from "./resample.ts";
import { rotate } from "./rotate.ts";
import type { Geometry, Transform } from "./transforms.ts";

/** Which random numbers a picture gets. */
export interface Place {
  /** Seed of the run, a whole number from 0 to 2^53 - 1. */
  readonly seed: number;
  /** Number of the epoch, from 0. */
  readonly epoch: number;
  /** Number of the picture in its set. */
  readonly index: number;
}

/** A rectangle of a picture in pixels. */
interface Region {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A region of random area and aspect ratio; after ten that do not fit, the largest in the centre. */
function randomRegion(
  { width, height }: Pixels,
  { area, ratio }: Extract<Geometry, { kind: "random-area" }>,
  next: () => number,
): Region {
  const [low, high] = [Math.log(ratio[0]), Math.log(ratio[1])];
  for (let attempt = 0; attempt < 10; attempt++) {
    const pixels = width * height * (area[0] + next() * (area[1] - area[0]));
    const aspect = Math.exp(low + next() * (high - low));
    const w = Math.round(Math.sqrt(pixels * aspect));
    const h = Math.round(Math.sqrt(pixels / aspect));
    const [right, down] = [next(), next()];
    if (w < 1 || h < 1 || w > width || h > height) continue;
    const x = Math.floor(right * (width - w + 1));
    return { x, y: Math.floor(down * (height - h + 1)), width: w, height: h };
  }
  const aspect = Math.min(ratio[1], Math.max(ratio[0], width / height));
  const w = Math.max(1, Math.min(width, Math.round(height * aspect)));
  const h = Math.max(1, Math.min(height, Math.round(width / aspect)));
  return { x: (width - w) >> 1, y: (height - h) >> 1, width: w, height: h };
}

/** The axis of a length: the shorter side becomes `resize`, of which `size` in the centre are taken. */
function centred(length: number, shorter: number, resize: number, size: number): Layout {
  const resized = Math.max(size, Math.floor((resize * length) / shorter));
  const scale = length / resized;
  const origin = scale * Math.round((resized - size) / 2);
  return { origin, scale, length: size, low: 0, high: length };
}

/** Moves the outputs of a layout by `offset`; what comes in is black. */
function shifted(layout: Layout, offset: number): Layout {
  const { origin, scale, length } = layout;
  return { ...layout, origin: origin + scale * offset, first: -offset, last: length - offset };
}

/** The axes of a geometry, columns and rows. */
function axes(picture: Pixels, transform: Transform, next: () => number): [Axis, Axis] {
  const { geometry, size, flip } = transform;
  const { width, height } = picture;
  const layouts = (): [Layout, Layout] => {
    if (geometry.kind === "random-area") {
      const { x, y, width: w, height: h } = randomRegion(picture, geometry, next);
      return [
        { origin: x, scale: w / size, length: size, low: x, high: x + w },
        { origin: y, scale: h / size, length: size, low: y, high: y + h },
      ];
    }
    const shorter = Math.min(width, height);
    const resize = geometry.kind === "centre-crop" ? geometry.resize : size;
    const across = centred(width, shorter, resize, size);
    const down = centred(height, shorter, resize, size);
    if (geometry.kind === "centre-crop") return [across, down];
    const offset = () => Math.floor(next() * (2 * geometry.padding + 1)) - geometry.padding;
    return [shifted(across, offset()), shifted(down, offset())];
  };
  const [across, down] = layouts();
  const mirrored = flip > 0 && next() < flip;
  return [axisOf({ ...across, mirrored }), axisOf(down)];
}

/**
 * Transforms a picture.
 * @param picture its pixels
 * @param transform what is done; not checked here
 * @param place decides what chance decides
 * @param out receives channels x size x size values: red, green and blue planes, or that of their luma,
 * normalised
 */
export function augment(
  picture: Pixels,
  transform: Transform,
  place: Place,
  out: Float32Array,
): void {
  if (transform.channels === 1) {
    const planes = new Float32Array(3 * out.length);
    colours(picture, transform, place, planes);
    greyscale(planes, transform, out);
    return;
  }
  colours(picture, transform, place, out);
  const { mean, std } = transform;
  const count = out.length / 3;
  for (let c = 0; c < 3; c++) {
    normalise(out.subarray(c * count, (c + 1) * count), transform, mean[c], std[c]);
  }
}

/** A picture transformed, without normalisation: values from 0 to {@link unitOf}. */
function colours(picture: Pixels, transform: Transform, place: Place, out: Float32Array): void {
  const next = stream("augment", place.seed, place.epoch, place.index);
  const [across, down] = axes(picture, transform, next);
  resample(picture, across, down, out);
  const { jitter, size } = transform;
  if (transform.rotate !== undefined && next() < transform.rotate.probability) {
    rotate(out, size, (2 * next() - 1) * transform.rotate.degrees);
  }
  if (jitter !== undefined) {
    for (let i = 0; i < out.length; i++) out[i] /= 255;
    jitterColours(out, jitter, next);
  }
}

/** The luma of planes, normalised by that of mean and deviation. */
function greyscale(planes: Float32Array, transform: Transform, out: Float32Array): void {
  const count = out.length;
  for (let i = 0; i < count; i++) {
    out[i] = lumaOf(planes[i], planes[count + i], planes[2 * count + i]);
  }
  normalise(out, transform, lumaOf(...transform.mean), lumaOf(...transform.std));
}

/** What white is before normalisation. */
const unitOf = ({ jitter }: Transform): number => (jitter === undefined ? 255 : 1);

/** (value / white - mean) / std, in place. */
function normalise(plane: Float32Array, transform: Transform, mean: number, std: number): void {
  const [shift, gain] = [mean / std, 1 / (unitOf(transform) * std)];
  for (let i = 0; i < plane.length; i++) plane[i] = plane[i] * gain - shift;
}
