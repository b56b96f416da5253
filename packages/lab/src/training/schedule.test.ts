import { expect, test } from "vitest";
import { rateAt, type Schedule } from "./schedule.ts";

test("rates as PyTorch's schedulers give them", () => {
  // torch.optim.lr_scheduler with 10 epochs of 4 steps: LambdaLR, StepLR(3, 0.1),
  // CosineAnnealingLR(40), OneCycleLR(max_lr=0.5, total_steps=40).
  const at: [schedule: Schedule, step: number, rate: number][] = [
    [{ kind: "constant", rate: 0.5 }, 39, 0.5],
    [{ kind: "step", rate: 0.5, every: 3 }, 11, 0.5],
    [{ kind: "step", rate: 0.5, every: 3 }, 12, 0.05],
    [{ kind: "step", rate: 0.5, every: 3 }, 24, 0.005],
    [{ kind: "cosine", rate: 0.5 }, 0, 0.5],
    [{ kind: "cosine", rate: 0.5 }, 20, 0.25],
    [{ kind: "cosine", rate: 0.5 }, 30, 0.0732233],
    [{ kind: "one-cycle", rate: 0.5 }, 0, 0.02],
    [{ kind: "one-cycle", rate: 0.5 }, 11, 0.5],
    [{ kind: "one-cycle", rate: 0.5 }, 25, 0.250001],
    [{ kind: "one-cycle", rate: 0.5 }, 39, 2e-6],
  ];
  for (const [schedule, step, rate] of at) {
    expect(rateAt(schedule, step, 40, 4), `${schedule.kind} ${step}`).toBeCloseTo(rate, 6);
  }
});
