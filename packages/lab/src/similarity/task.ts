/** What is given to the threads of a similarity study, and what they give back. */
import type { Decoded } from "../compare/load.ts";
import type { Config, Json } from "../study/cell.ts";

/** A cell as a thread sees it. */
export interface CellTask {
  /** Its name. */
  readonly name: string;
  /** Its configuration. */
  readonly config: Config;
  /** Its seed; 0 where nothing is drawn. */
  readonly seed: number;
}

/** Cells of one picture. */
export interface PictureTask {
  /** Tells it from the other kind. */
  readonly kind: "picture";
  /** The picture's path or name, for sentences. */
  readonly title: string;
  /** The picture, handed over. */
  readonly decoded: Decoded;
  /** The cells; those that share pooling stand side by side. */
  readonly cells: readonly CellTask[];
}

/** Fits of one part of the pictures. */
export interface FitTask {
  /** Tells it from the other kind. */
  readonly kind: "fit";
  /** Paths of the pictures to fit to. */
  readonly pictures: readonly { readonly path: string; readonly content: string }[];
  /** The cells. */
  readonly cells: readonly CellTask[];
}

/** What a thread is given. */
export type Task = PictureTask | FitTask;

/** What a thread gives for one cell. */
export type CellReply =
  | {
      /** The cell's name. */
      readonly name: string;
      /** The numbers. */
      readonly result: Json;
      /** What computed them. */
      readonly engine: string;
      /** How long it took, in seconds. */
      readonly seconds: number;
    }
  | {
      /** The cell's name. */
      readonly name: string;
      /** Why it failed. */
      readonly error: string;
    };

/** What a thread is set up with. */
export interface ThreadSetup {
  /** The folder of the study, where fitted parameters are read. */
  readonly folder: string;
  /** Its first number becomes 1 when no further cell is to be begun. */
  readonly stop: Int32Array<SharedArrayBuffer>;
}

/** Messages of a thread: a cell is done, or the task is (with the reason where it failed as a whole). */
export type ThreadMessage = CellReply | { readonly end: true; readonly error?: string };
