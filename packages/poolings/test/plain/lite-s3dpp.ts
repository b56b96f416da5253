/** Lite-S3DPP from its definition. */
import { axisOf, type PoolWindow, poolWindow, type Tensor } from "@softpool/onnx";
import { type DppForm, plainDpp } from "./dpp.ts";
import { plainPositions } from "./s3.ts";
import { poolPlain } from "./windows.ts";

/** The elements of a tensor at chosen positions of every spatial axis; beyond the end the last one. */
function pick(x: Tensor, positions: readonly (readonly number[])[]): Tensor {
  const [samples, channels, ...sizes] = x.shape;
  const shape = [samples, channels, ...positions.map((list) => list.length)];
  const data = new Float64Array(shape.reduce((a, b) => a * b, 1));
  for (let at = 0; at < data.length; at++) {
    let [rest, element, step] = [at, 0, 1];
    for (let i = sizes.length - 1; i >= 0; i--) {
      const list = positions[i];
      element += Math.min(list[rest % list.length], sizes[i] - 1) * step;
      step *= sizes[i];
      rest = Math.floor(rest / list.length);
    }
    data[at] = x.data[rest * step + element];
  }
  return { ...x, shape, data };
}

const counted = (length: number) => Array.from({ length }, (_, i) => i);

/** The number of tiles along each axis. */
const tilesOf = (x: Tensor, window: PoolWindow) =>
  window.kernel.map((_, i) => axisOf(window, i, x.shape[i + 2]).out);

/** The pooling of every position of the tiles. */
export function plainDenseDpp(x: Tensor, window: PoolWindow, form: DppForm): Tensor {
  const { kernel } = window;
  const grown = pick(
    x,
    tilesOf(x, window).map((out, i) => counted(out * kernel[i] + kernel[i] - 1)),
  );
  return plainDpp(grown, poolWindow(kernel), form);
}

/** Inference: the average over tiles. */
export function plainMeanDpp(x: Tensor, window: PoolWindow, form: DppForm): Tensor {
  const tiles = poolWindow(window.kernel, { strides: window.kernel });
  return poolPlain(
    plainDenseDpp(x, window, form),
    tiles,
    ({ values }) => values.reduce((a, b) => a + b, 0) / values.length,
  );
}

/** A draw; `grid` as the setting says. */
export function plainDrawDpp(
  x: Tensor,
  window: PoolWindow,
  form: DppForm,
  noise: readonly ArrayLike<number>[],
  grid: number,
): Tensor {
  const { kernel } = window;
  const tiles = tilesOf(x, window);
  const each = grid === 0 ? Math.ceil(tiles[0] / 2) : grid / kernel[0];
  return pick(
    plainDenseDpp(x, window, form),
    tiles.map((out, i) => plainPositions(noise[i], out, kernel[i], each * kernel[i])),
  );
}
