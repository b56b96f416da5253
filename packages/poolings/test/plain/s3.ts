/** S3Pool by its definition: dense maxima, draws from grids, the average of tiles. */
import { axisOf, type PoolWindow, poolWindow, type Tensor, tensor } from "@softpool/onnx";
import { poolPlain } from "./windows.ts";

/** The input with its last elements replicated: whole tiles, and a tile less one element beyond. */
function replicated(x: Tensor, window: PoolWindow): Tensor {
  let result = x;
  for (const [i, k] of window.kernel.entries()) {
    const axis = i + 2;
    const size = x.shape[axis];
    const out = axisOf(window, i, size).out;
    const grown = Math.max(size, out * k) + k - 1;
    const inner = result.shape.slice(axis + 1).reduce((a, b) => a * b, 1);
    const shape = result.shape.map((n, j) => (j === axis ? grown : n));
    const data = new Float64Array(shape.reduce((a, b) => a * b, 1));
    for (let at = 0; at < data.length; at++) {
      const [row, rest] = [Math.floor(at / inner) % grown, at % inner];
      const outer = Math.floor(at / (inner * grown));
      data[at] = result.data[(outer * size + Math.min(row, size - 1)) * inner + rest];
    }
    result = { ...result, shape, data };
  }
  return result;
}

/** The maxima of stride 1. */
export function plainDense(x: Tensor, window: PoolWindow): Tensor {
  return poolPlain(replicated(x, window), poolWindow(window.kernel), ({ values }) =>
    Math.max(...values),
  );
}

/** Inference. */
export function plainMean(x: Tensor, window: PoolWindow): Tensor {
  const { kernel, strides } = window;
  return poolPlain(plainDense(x, window), poolWindow(kernel, { strides }), ({ values }) =>
    values.reduce((a, b) => a + b / values.length, 0),
  );
}

/** The positions that numbers in [0, 1) draw along an axis of `out` tiles. */
export function plainPositions(
  noise: ArrayLike<number>,
  out: number,
  kernel: number,
  grid: number,
): number[] {
  const result: number[] = [];
  for (let start = 0; start < out * kernel; start += grid) {
    const size = Math.min(grid, out * kernel - start);
    const order = Array.from({ length: size }, (_, i) => start + i);
    order.sort((a, b) => noise[b] - noise[a] || a - b);
    result.push(...order.slice(0, size / kernel).sort((a, b) => a - b));
  }
  return result;
}

/** A draw. */
export function plainDraw(
  x: Tensor,
  window: PoolWindow,
  noise: readonly ArrayLike<number>[],
  grid: number,
): Tensor {
  let result = plainDense(x, window);
  for (const [i, k] of window.kernel.entries()) {
    const out = axisOf(window, i, x.shape[i + 2]).out;
    const rows = plainPositions(noise[i], out, k, grid || k);
    const [size, inner] = [
      result.shape[i + 2],
      result.shape.slice(i + 3).reduce((a, b) => a * b, 1),
    ];
    const shape = result.shape.map((n, j) => (j === i + 2 ? out : n));
    const from = result.data;
    const data = Float64Array.from(
      { length: shape.reduce((a, b) => a * b, 1) },
      (_, at) =>
        from[
          (Math.floor(at / (inner * out)) * size + rows[Math.floor(at / inner) % out]) * inner +
            (at % inner)
        ],
    );
    result = tensor("float32", shape, data);
  }
  return result;
}
