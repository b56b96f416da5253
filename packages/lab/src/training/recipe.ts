/**
 * Recipes: settings by name, which single options override.
 *
 *     usual     one-cycle up to 0.1, decay 5e-4, 10 epochs, batch 128: small networks in little time
 *     paper     what the SoftPool paper says of its ImageNet runs: SGD from 0.1, x0.1 every 40 epochs, 100
 *               epochs, batch 256; momentum and decay, which it does not give, are those of the script
 *     authors   its published script: SGD from 0.1, momentum 0.9, decay 1e-4, x0.1 every 30 epochs, 90
 *               epochs, batch 128; with probability 0.6 a rotation by up to 10 degrees, and mirrored with
 *               probability 0.3
 *
 * Source: Stergiou, Poppe, Kalliatakis: Refining activation downsampling with SoftPool, ICCV 2021.
 */
import type { Rotation } from "../data/transforms.ts";
import type { Schedule } from "./schedule.ts";

/** Settings of a recipe. */
export interface Recipe {
  /** Course of the learning rate. */
  readonly schedule: Schedule;
  /** Momentum. */
  readonly momentum: number;
  /** Weight decay. */
  readonly decay: number;
  /** Epochs. */
  readonly epochs: number;
  /** Pictures of an update. */
  readonly batch: number;
  /** Probability that a picture is mirrored; default the usual transform's. */
  readonly flip?: number;
  /** Rotation; default none. */
  readonly rotate?: Rotation;
}

/** The recipes by name. */
export const recipes: Readonly<Record<"usual" | "paper" | "authors", Recipe>> = {
  usual: {
    schedule: { kind: "one-cycle", rate: 0.1 },
    ...{ momentum: 0.9, decay: 5e-4, epochs: 10, batch: 128 },
  },
  paper: {
    schedule: { kind: "step", rate: 0.1, every: 40, gamma: 0.1 },
    ...{ momentum: 0.9, decay: 1e-4, epochs: 100, batch: 256 },
  },
  authors: {
    schedule: { kind: "step", rate: 0.1, every: 30, gamma: 0.1 },
    ...{ momentum: 0.9, decay: 1e-4, epochs: 90, batch: 128 },
    flip: 0.3,
    rotate: { degrees: 10, probability: 0.6 },
  },
};

/** The name of a recipe. */
export type RecipeName = keyof typeof recipes;
