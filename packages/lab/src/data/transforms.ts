/**
 * What is done to a picture before a network sees it, as plain data, and the usual choices by name.
 * Sources: He et al., Deep residual learning, CVPR 2016 (pad and crop); Szegedy et al., Going deeper with
 * convolutions, CVPR 2015 (crops of random area and aspect ratio).
 */

/** Which part of a picture is taken; all of them give a square. */
export type Geometry =
  /**
   * A region of random area, as a share of the picture's, and random aspect ratio, width by height,
   * uniform in its logarithm; resized to the square.
   */
  | {
      readonly kind: "random-area";
      readonly area: readonly [low: number, high: number];
      readonly ratio: readonly [low: number, high: number];
    }
  /** The centre crop of the square's size, `padding` black pixels around it, and a random crop of that. */
  | { readonly kind: "pad-crop"; readonly padding: number }
  /** The shorter side resized to `resize` pixels, at least `size`, and the centre of that. */
  | { readonly kind: "centre-crop"; readonly resize: number };

/** Changes of colour by chance: factors are uniform in [max(0, 1 - x), 1 + x]. */
export interface Jitter {
  /** Of all values; 0 leaves it. */
  readonly brightness: number;
  /** Of the distance to the picture's mean luma; 0 leaves it. */
  readonly contrast: number;
  /** Of the distance to each pixel's luma; 0 leaves it. */
  readonly saturation: number;
  /** Turns the hue by a share of the circle in [-x, x], at most 0.5; 0 leaves it. */
  readonly hue: number;
}

/** How many planes pictures have: red, green and blue, or their luma alone. */
export type Channels = 1 | 3;

/** A rotation by chance: the angle is uniform in [-degrees, degrees]. */
export interface Rotation {
  /** The largest angle, from 0 to 180. */
  readonly degrees: number;
  /** Probability that the picture is rotated, in [0, 1]. */
  readonly probability: number;
}

/**
 * A whole transform; (value / 255 - mean) / std per channel comes last. In greyscale value, mean and std
 * are the lumas of those of red, green and blue.
 */
export interface Transform {
  /** Width and height of the result in pixels. */
  readonly size: number;
  /** Which part of the picture is taken. */
  readonly geometry: Geometry;
  /** Probability that the picture is mirrored, in [0, 1]. */
  readonly flip: number;
  /** Rotation about the centre with black outside, after the geometry; undefined for none. */
  readonly rotate?: Rotation;
  /** Changes of colour; undefined for none. */
  readonly jitter?: Jitter;
  /** Planes of the result: 3 for red, green and blue (default), 1 for their luma. */
  readonly channels?: Channels;
  /** Mean of red, green and blue, in [0, 1]. */
  readonly mean: readonly [number, number, number];
  /** Standard deviation of red, green and blue, above 0. */
  readonly std: readonly [number, number, number];
}

/** Mean and standard deviation of red, green and blue. */
export type Statistics = Pick<Transform, "mean" | "std">;

/** What networks of ImageNet are given. */
export const IMAGENET: Statistics = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/** Of the training pictures of CIFAR-10. */
export const CIFAR: Statistics = {
  mean: [0.4914, 0.4822, 0.4465],
  std: [0.247, 0.2435, 0.2616],
};

/** Pictures of at most this size are padded and cropped; larger ones are cropped by area. */
const SMALL = 64;

/**
 * The usual transform for learning: random area and flip; up to 64 pixels pad, crop and flip.
 * @param size width and height of the network's input
 * @param statistics default: CIFAR's up to 64 pixels, ImageNet's above
 * @param channels planes that the network takes; default 3
 */
export function trainingTransform(
  size: number,
  statistics?: Statistics,
  channels: Channels = 3,
): Transform {
  const geometry: Geometry =
    size <= SMALL
      ? { kind: "pad-crop", padding: Math.round(size / 8) }
      : { kind: "random-area", area: [0.08, 1], ratio: [3 / 4, 4 / 3] };
  return { size, geometry, flip: 0.5, ...grey(channels), ...(statistics ?? usual(size)) };
}

/**
 * The transform for evaluation, without chance: the shorter side resized to 256 / 224 of the size (342 for
 * 299), and the centre; up to 64 pixels the whole.
 * @param size width and height of the network's input
 * @param statistics default: CIFAR's up to 64 pixels, ImageNet's above
 * @param channels planes that the network takes; default 3
 */
export function evaluationTransform(
  size: number,
  statistics?: Statistics,
  channels: Channels = 3,
): Transform {
  const resize = size <= SMALL ? size : Math.round((size * 256) / 224);
  const geometry: Geometry = { kind: "centre-crop", resize };
  return { size, geometry, flip: 0, ...grey(channels), ...(statistics ?? usual(size)) };
}

/** Said only where it is not usual, so that records of older runs stay what they are. */
const grey = (channels: Channels): Pick<Transform, "channels"> => {
  return channels === 1 ? { channels } : {};
};

function usual(size: number): Statistics {
  return size <= SMALL ? CIFAR : IMAGENET;
}

function expect(ok: boolean, name: string, expected: string, value: unknown): void {
  if (ok) return;
  throw new RangeError(
    `transform: ${name}: expected ${expected}, received ${JSON.stringify(value)}`,
  );
}

/**
 * Refuses a transform that cannot be carried out.
 * @throws RangeError that names the field, what was expected and what came
 */
export function expectTransform(transform: Transform): void {
  const { size, geometry, flip, rotate, jitter, channels = 3, mean, std } = transform;
  expect(Number.isInteger(size) && size > 0, "size", "a whole number above 0", size);
  expect(flip >= 0 && flip <= 1, "flip", "a probability in [0, 1]", flip);
  if (rotate !== undefined) {
    const { degrees, probability } = rotate;
    expect(degrees >= 0 && degrees <= 180, "degrees", "an angle in [0, 180]", degrees);
    expect(probability >= 0 && probability <= 1, "probability", "one in [0, 1]", probability);
  }
  expect(channels === 1 || channels === 3, "channels", "1 or 3", channels);
  const three = (v: readonly number[]) => v.length === 3 && v.every(Number.isFinite);
  expect(three(mean), "mean", "three numbers", mean);
  expect(three(std) && std.every((v) => v > 0), "std", "three numbers above 0", std);
  if (geometry.kind === "centre-crop") {
    const { resize } = geometry;
    expect(Number.isInteger(resize) && resize >= size, "resize", `at least size ${size}`, resize);
  } else if (geometry.kind === "pad-crop") {
    const { padding } = geometry;
    expect(Number.isInteger(padding) && padding >= 0, "padding", "a whole number", padding);
  } else {
    const { area, ratio } = geometry;
    const ordered = ([low, high]: readonly [number, number]) => low > 0 && low <= high;
    expect(ordered(area) && area[1] <= 1, "area", "low and high in (0, 1]", area);
    expect(ordered(ratio) && ratio[1] < Infinity, "ratio", "low and high above 0", ratio);
  }
  for (const [name, value] of Object.entries(jitter ?? {})) {
    expect(value >= 0 && value <= (name === "hue" ? 0.5 : 10), name, "0 or more", value);
  }
}
