/** The squares of pictures that parameters are fitted to. */
import { createPicture, crop, type Picture } from "@softpool/pictures";
import { uniforms } from "@softpool/poolings";
import { decodeFile, toPicture } from "../compare/load.ts";
import { Failure } from "../errors.ts";

/** Squares that are fitted to. */
const COUNT = 32;

/** Their side, where the pictures are as large. */
const SIDE = 96;

/** A grey picture as three equal channels. */
export function inColour(picture: Picture): Picture {
  const { width, height, channels, data } = picture;
  if (channels === 3) return picture;
  const colour = createPicture(width, height, 3);
  for (let c = 0; c < 3; c++) colour.data.set(data, c * width * height);
  return colour;
}

/**
 * Squares of the pictures, in turns of one from each, at places that follow from their contents. Pictures
 * that cannot be decoded are left out, and those that are smaller than the largest square that one of them
 * has room for.
 * @param pictures paths and digests of contents
 * @param kernel the side is a multiple of it
 * @param stop asked between pictures
 * @returns RGB squares of equal side
 * @throws Failure when no picture can be decoded, or none is as large as the kernel
 */
export async function fitCrops(
  pictures: readonly { readonly path: string; readonly content: string }[],
  kernel: number,
  stop: () => boolean,
): Promise<Picture[]> {
  const some = [...pictures].sort((a, b) => (a.content < b.content ? -1 : 1)).slice(0, COUNT);
  const each = Math.ceil(COUNT / some.length);
  const most = Math.max(SIDE, kernel);
  const windows: Picture[][] = [];
  for (const { path, content } of some) {
    if (stop()) break;
    try {
      const picture = inColour(toPicture(await decodeFile(path)));
      const w = Math.min(most, picture.width);
      const h = Math.min(most, picture.height);
      const drawn = uniforms(2 * each, { seed: Number.parseInt(content.slice(0, 12), 16) });
      windows.push(
        Array.from({ length: each }, (_, i) => {
          const x = Math.floor(drawn[2 * i] * (picture.width - w + 1));
          const y = Math.floor(drawn[2 * i + 1] * (picture.height - h + 1));
          return crop(picture, x, y, w, h);
        }),
      );
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
    }
  }
  if (windows.length === 0) throw new Failure("no picture to fit to can be decoded");
  const sides = windows.map(([{ width, height }]) => Math.min(width, height));
  const side = Math.floor(sides.reduce((a, b) => Math.max(a, b)) / kernel) * kernel;
  if (side === 0) {
    throw new Failure(`no picture to fit to is as large as the kernel of ${kernel}`);
  }
  const turns = Array.from({ length: each }, (_, i) =>
    windows.filter((_, k) => sides[k] >= side).map((list) => crop(list[i], 0, 0, side, side)),
  );
  return turns.flat().slice(0, COUNT);
}
