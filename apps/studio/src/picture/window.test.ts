import { pooledShape } from "softpool";
import { expect, test } from "vitest";
import { compared, outputs, shift, wholeOutputs } from "./window.ts";

test("outputs are those of the operator; what is compared is whole and inside", () => {
  for (let kernel = 1; kernel <= 16; kernel++) {
    for (let stride = 1; stride <= 16; stride++) {
      const window = { kernel, stride };
      for (let size = 1; size <= 40; size++) {
        const what = `kernel ${kernel}, stride ${stride}, size ${size}`;
        const [all, whole] = [outputs(size, window), wholeOutputs(size, window)];
        if (kernel > size) {
          expect([all, whole], what).toEqual([0, 0]);
        } else {
          const shapes = [true, false].map((ceilMode) =>
            pooledShape("1d", [1, 1, size], { kernelSize: kernel, stride, ceilMode }),
          );
          expect([all, whole], what).toEqual(shapes.map((shape) => shape[2]));
        }
        const { first, count, start } = compared(size, window);
        if (count === 0) continue;
        // Squares of side s around the middles of windows, half a pixel aside where the middle is between.
        expect(start, what).toBe(first * stride + Math.floor(shift(window)));
        expect(start, what).toBeGreaterThanOrEqual(0);
        expect(start + count * stride, what).toBeLessThanOrEqual(size);
        expect(first + count, what).toBeLessThanOrEqual(whole);
        // No further one fits at either end.
        const before = start - stride >= 0 && first > 0;
        const after = start + (count + 1) * stride <= size && first + count < whole;
        expect([before, after], what).toEqual([false, false]);
      }
    }
  }
});
