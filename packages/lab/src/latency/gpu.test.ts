/** The operator's WebGPU engine as it is timed, on the software adapter of Debian's `chromium`. */
import { expect, test } from "vitest";
import { hasWebGPU, skipWebGPU } from "../../../softpool/test/webgpu.ts";
import { openGpu } from "./gpu.ts";
import { openOperator } from "./operator.ts";
import { directions, type Subject } from "./place.ts";

if (hasWebGPU) process.env.VK_ICD_FILENAMES ??= "/usr/lib/chromium/vk_swiftshader_icd.json";

test.skipIf(skipWebGPU)(
  "computes what the engine wasm computes, and names its adapter",
  async () => {
    for (const shape of [
      [2, 3, 23],
      [2, 3, 11, 10],
    ]) {
      for (const direction of directions) {
        const place = { shape, kernel: 3, direction };
        const gpu = await openGpu({ ...place, method: "soft" });
        for (const method of ["soft", "average", "maximum", "sum", "power-average"]) {
          const subject: Subject = { ...place, method };
          const timed = await gpu(subject);
          await timed.call();
          const found = await timed.result();
          const own = await openOperator("wasm", 1, subject)(subject);
          await own.call();
          const right = await own.result();
          expect(found.length).toBe(right.length);
          const far = right.reduce(
            (most, value, i) => Math.max(most, Math.abs(value - found[i])),
            0,
          );
          expect(far, `${method} ${direction} ${shape}`).toBeLessThan(1e-5);
          expect([timed.held, timed.notes?.join()]).toEqual([
            null,
            expect.stringContaining("software"),
          ]);
        }
      }
    }
  },
);
