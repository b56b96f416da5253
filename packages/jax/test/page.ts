/** What the test page runs on a device of jax-js: some of the windows, jitted and not, and the limits. */
import { defaultDevice, grad, init, jit, numpy as np } from "@jax-js/jax";
import { type SoftPoolOptions, softPool } from "@softpool/jax";
import { cases, compare, extremes } from "../../tfjs/test/cases.ts";

type Device = Parameters<typeof defaultDevice>[0] & string;
type Pool = (x: np.Array) => np.Array;

Object.assign(window, {
  async check(device: Device, tolerance: number, step: number) {
    const found = await init(device);
    if (!found.includes(device)) throw new Error(`no ${device} here`);
    defaultDevice(device);
    const failures: string[] = [];
    let count = 0;
    for (const rank of [1, 2, 3] as const)
      for (const one of cases(rank, step)) {
        const pool: Pool = (x) => softPool(x, one.options as unknown as SoftPoolOptions);
        const g = np.array(Float32Array.from(one.g), { shape: one.output });
        const slope = grad((x: np.Array) => np.sum(np.multiply(pool(x), g.ref))) as Pool;
        const x = np.array(Float32Array.from(one.x), { shape: one.input });
        const [f, df] = count++ % 2 === 0 ? [pool, slope] : [jit(pool), jit(slope)];
        const label = (what: string) => () => `${what} of ${JSON.stringify(one.options)}`;
        for (const message of [
          compare(await f(x.ref).data(), one.y, tolerance, label("forward")),
          compare(await df(x).data(), one.gx, tolerance, label("backward")),
        ]) {
          if (message !== undefined) failures.push(message);
        }
      }
    for (const row of extremes) {
      count++;
      const data = Float32Array.from(row);
      const y = await softPool(np.array(data, { shape: [1, 1, 4] }), { kernelSize: 4 }).data();
      const top = Math.max(...data);
      const weights = [...data].map((v) => Math.exp(v - top));
      const total = weights.reduce((a, b) => a + b);
      const wanted = weights.reduce((s, w, i) => (w === 0 ? s : s + (w / total) * data[i]), 0);
      const message = compare(y, [wanted], tolerance, () => `${row}`);
      if (message !== undefined) failures.push(message);
    }
    return { cases: count, failures };
  },
  ready: true,
});
