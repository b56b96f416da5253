/** From a picture to the input of a network: size, layout, range of values. */
import type { DType, Shape } from "@softpool/onnx";
import { canvasOf } from "../picture/canvas.ts";

/** An input of a network that a picture fits. */
export interface PictureInput {
  /** Its name. */
  readonly name: string;
  /** Its element type. */
  readonly dtype: DType;
  /** Channels: 1 or 3. */
  readonly channels: 1 | 3;
  /** Whether the channels are the last axis. */
  readonly last: boolean;
  /** Rows; `undefined` where the network leaves them open. */
  readonly height: number | undefined;
  /** Columns; `undefined` where the network leaves them open. */
  readonly width: number | undefined;
}

/** How values are scaled. */
export type Scaling = "imagenet" | "unit" | "signed" | "byte";

/** The scalings, for a list. */
export const scalings: readonly { value: Scaling; name: string }[] = [
  { value: "imagenet", name: "ImageNet mean and deviation" },
  { value: "unit", name: "0 to 1" },
  { value: "signed", name: "−1 to 1" },
  { value: "byte", name: "0 to 255" },
];

const mean = [0.485, 0.456, 0.406];
const deviation = [0.229, 0.224, 0.225];

/** A value in [0, 1] of a channel, scaled. */
export function scaled(value: number, channel: number, scaling: Scaling): number {
  if (scaling === "imagenet") return (value - mean[channel]) / deviation[channel];
  if (scaling === "signed") return 2 * value - 1;
  return scaling === "byte" ? 255 * value : value;
}

/**
 * What a shape says of a picture: `[N, C, H, W]` or `[N, H, W, C]` with one or three channels.
 * @returns the input, or a clause that says why a picture does not fit
 */
export function pictureInput(
  name: string,
  dtype: DType | undefined,
  shape: Shape | undefined,
): PictureInput | string {
  if (dtype === undefined || !/^(float(16|32|64)|uint8)$/.test(dtype)) {
    return `it takes ${dtype ?? "no tensor"}, not the numbers of a picture`;
  }
  if (shape === undefined || shape.length !== 4) {
    return `its shape is ${shape === undefined ? "not declared" : `of ${shape.length} axes`}, a picture has four`;
  }
  if (typeof shape[0] === "number" && shape[0] !== 1)
    return `it takes ${shape[0]} pictures at once`;
  const number = (dim: Shape[number]) => (typeof dim === "number" ? dim : undefined);
  const fits = (dim: Shape[number]) => dim === 1 || dim === 3;
  const last = !fits(shape[1]) && fits(shape[3]);
  const channels = last ? shape[3] : shape[1];
  if (typeof channels === "number" && !fits(channels)) return `it has ${channels} channels`;
  const [height, width] = last ? [shape[1], shape[2]] : [shape[2], shape[3]];
  return {
    name,
    dtype,
    channels: channels === 1 ? 1 : 3,
    last,
    height: number(height),
    width: number(width),
  };
}

/** The pixels of a picture, cut to the shape of the input around its middle and scaled to its size. */
export function fitted(picture: ImageBitmap, width: number, height: number): ImageData {
  const [canvas, context] = canvasOf(width, height);
  const scale = Math.min(picture.width / width, picture.height / height);
  const [w, h] = [width * scale, height * scale];
  context.imageSmoothingQuality = "high";
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  const [x, y] = [(picture.width - w) / 2, (picture.height - h) / 2];
  context.drawImage(picture, x, y, w, h, 0, 0, canvas.width, canvas.height);
  return context.getImageData(0, 0, width, height);
}

/**
 * The values of an input.
 * @param pixels of the input's size
 * @param input what the network takes
 * @param scaling how values are scaled
 * @returns shape and values, in the order of the input's layout
 */
export function valuesOf(
  { data, width, height }: ImageData,
  { channels, last }: PictureInput,
  scaling: Scaling,
): { shape: number[]; data: Float64Array } {
  const count = width * height;
  const values = new Float64Array(channels * count);
  for (let i = 0; i < count; i++) {
    const rgb = [data[4 * i] / 255, data[4 * i + 1] / 255, data[4 * i + 2] / 255];
    const own = channels === 3 ? rgb : [0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]];
    own.forEach((value, c) => {
      values[last ? i * channels + c : c * count + i] = scaled(value, c, scaling);
    });
  }
  return {
    shape: last ? [1, height, width, channels] : [1, channels, height, width],
    data: values,
  };
}
