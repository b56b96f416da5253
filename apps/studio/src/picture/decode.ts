/** From a file to the pixels of a picture, decoded by the browser: sRGB, orientation applied. */
import { resolutionChart } from "@softpool/pictures";
import { megapixels } from "../format.ts";
import { canvasOf } from "./canvas.ts";
import { hasAlpha, toPixels } from "./pixels.ts";
import type { Pixels } from "./pool.worker.ts";

/** More pixels are refused: their values alone would fill 640 MB, and all methods a multiple. */
export const MOST_PIXELS = 40_000_000;

/** A picture that the page shows. */
export interface Source extends Pixels {
  /** The file's name, or what it is. */
  readonly name: string;
  /** Whether any pixel is not opaque. */
  readonly alpha: boolean;
  /** The picture for drawing. */
  readonly canvas: OffscreenCanvas;
}

function expectSize(name: string, width: number, height: number): void {
  if (!(width >= 1 && height >= 1)) throw new Error(`"${name}" has no size of its own.`);
  if (width * height <= MOST_PIXELS) return;
  throw new Error(
    `"${name}" has ${width} × ${height} pixels (${megapixels(width, height)}), too large for the memory of a page: at most ${MOST_PIXELS / 1e6} megapixels fit. The command softpool downsample takes larger ones.`,
  );
}

/** Vector graphics are decoded by elements only. */
async function decodeElement(file: Blob): Promise<HTMLImageElement> {
  const address = URL.createObjectURL(file);
  try {
    const image = new Image();
    image.src = address;
    await image.decode();
    return image;
  } finally {
    URL.revokeObjectURL(address);
  }
}

/**
 * Decodes a picture.
 * @param file its bytes
 * @param name what it is called in errors and downloads
 * @throws Error in a sentence when it is broken, of another format or too large
 */
export async function decode(file: Blob, name: string): Promise<Source> {
  if (file.size === 0) throw new Error(`"${name}" is empty.`);
  let image: ImageBitmap | HTMLImageElement;
  try {
    const vector = file.type === "image/svg+xml" || name.toLowerCase().endsWith(".svg");
    image = vector ? await decodeElement(file) : await createImageBitmap(file);
  } catch {
    throw new Error(
      `"${name}" is not a picture that this browser can read: it is damaged, too large, or of a format that the browser does not know.`,
    );
  }
  try {
    const [width, height] =
      image instanceof ImageBitmap
        ? [image.width, image.height]
        : [image.naturalWidth, image.naturalHeight];
    expectSize(name, width, height);
    const [canvas, context] = canvasOf(width, height);
    context.drawImage(image, 0, 0);
    const rgba = context.getImageData(0, 0, width, height).data as Uint8ClampedArray<ArrayBuffer>;
    return { name, width, height, rgba, alpha: hasAlpha(rgba), canvas };
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('"')) throw error;
    throw new Error(`"${name}" does not fit into the memory that the browser gives to a page.`);
  } finally {
    if (image instanceof ImageBitmap) image.close();
  }
}

/** The picture that the page begins with: the resolution chart. */
export function chart(): Source {
  const [width, height] = [1200, 832];
  const { data } = resolutionChart({ width, height });
  const rgba = new Uint8ClampedArray(4 * width * height);
  toPixels(data, "srgb", rgba);
  const [canvas, context] = canvasOf(width, height);
  context.putImageData(new ImageData(rgba, width, height), 0, 0);
  return { name: "resolution chart", width, height, rgba, alpha: false, canvas };
}
