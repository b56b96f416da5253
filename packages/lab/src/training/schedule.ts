/**
 * Learning rates over a run of T steps:
 *
 *     constant    r
 *     step        r gamma^floor(epoch / every)
 *     cosine      r (1 + cos(pi t / T)) / 2
 *     one-cycle   from r / 25 up to r along half a cosine in the first 30 % of the steps, then down to
 *                 r / 250,000
 *
 * Sources: Loshchilov, Hutter: SGDR, ICLR 2017 (cosine); Smith, Topin: Super-convergence, 2019, with the
 * constants of torch.optim.lr_scheduler.OneCycleLR (one-cycle).
 */

/** The names of schedules. */
export const schedules: readonly Schedule["kind"][] = ["constant", "step", "cosine", "one-cycle"];

/** A schedule. */
export interface Schedule {
  /** Its name. */
  readonly kind: "constant" | "step" | "cosine" | "one-cycle";
  /** The (largest) learning rate. */
  readonly rate: number;
  /** Epochs after which `step` multiplies the rate; default 30. */
  readonly every?: number;
  /** What it multiplies the rate with; default 0.1. */
  readonly gamma?: number;
}

/** Half a cosine from `from` to `to`. */
function half(from: number, to: number, share: number): number {
  return to + ((from - to) * (1 + Math.cos(Math.PI * share))) / 2;
}

/**
 * The learning rate of a step.
 * @param schedule the schedule
 * @param step number of the step in the run, from 0
 * @param steps steps of the run
 * @param perEpoch steps of an epoch
 */
export function rateAt(schedule: Schedule, step: number, steps: number, perEpoch: number): number {
  const { kind, rate, every = 30, gamma = 0.1 } = schedule;
  switch (kind) {
    case "constant":
      return rate;
    case "step":
      return rate * gamma ** Math.floor(Math.floor(step / perEpoch) / every);
    case "cosine":
      return half(rate, 0, step / steps);
    case "one-cycle": {
      const top = 0.3 * steps - 1;
      const last = steps - 1;
      if (step <= top) return half(rate / 25, rate, step / top);
      return half(rate, rate / 25 / 1e4, (step - top) / (last - top));
    }
  }
}
