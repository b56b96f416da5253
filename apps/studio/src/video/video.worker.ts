/** Decodes, pools and writes videos, away from the page. */
import { Handover, serve, turns } from "../rpc.ts";
import { abilities, type Container, write } from "./export.ts";
import { drawnSource, type Facts, fileSource, type Shown, type Source } from "./frames.ts";
import { FramePooler, type PooledFrame, type Settings } from "./pool.ts";

/** A window of frames and what came of it. */
export interface Group {
  /** The frames that came since the last group. */
  readonly originals: { bitmap: ImageBitmap; timestamp: number; duration: number }[];
  /** The pooled frame; `undefined` at the end, where no window is left. */
  readonly pooled: (Omit<PooledFrame, "rgba"> & { bitmap: ImageBitmap }) | undefined;
  /** Whether the video ended. */
  readonly ended: boolean;
}

let source: Source | undefined;
let run:
  | { pooler: FramePooler; frames: ReturnType<Source["frames"]>; group: Group["originals"] }
  | undefined;
let writing = false;
let stop = false;
let done = 0;

async function endRun(): Promise<void> {
  const last = run;
  run = undefined;
  last?.pooler.dispose();
  for (const { bitmap } of last?.group ?? []) bitmap.close();
  await last?.frames.return();
}

async function bitmapOf({ rgba, width, height, ...rest }: PooledFrame) {
  const bitmap = await createImageBitmap(new ImageData(rgba, width, height));
  return { ...rest, width, height, bitmap };
}

const inTurn = turns();

/** What this worker can be asked. */
const handlers = {
  /** Takes a file, or with none the drawn scene. */
  open: inTurn(async ({ file }: { file: File | undefined }): Promise<Facts> => {
    const next = file === undefined ? drawnSource() : await fileSource(file);
    await endRun();
    source?.close();
    source = next;
    return next.facts;
  }),
  /** Begins to play, or goes on elsewhere or otherwise. */
  seek: inTurn(async ({ time, settings }: { time: number; settings: Settings }): Promise<void> => {
    await endRun();
    if (source === undefined) throw new Error("there is no video yet");
    const { width, height } = source.facts;
    const pooler = new FramePooler(width, height, settings);
    run = { pooler, frames: source.frames(time, true), group: [] };
  }),
  /** The next frames, up to the next pooled one. */
  next: inTurn(async (_: undefined): Promise<Handover<Group>> => {
    const current = run;
    if (current === undefined)
      return new Handover({ originals: [], pooled: undefined, ended: true }, []);
    let pooled: PooledFrame | undefined;
    let ended = false;
    while (pooled === undefined && !ended) {
      const next = await current.frames.next();
      if (next.done) {
        ended = true;
        pooled = current.pooler.flush();
      } else {
        const { bitmap, timestamp, duration } = next.value as Shown;
        current.group.push({ bitmap, timestamp, duration });
        pooled = current.pooler.push(next.value);
      }
    }
    const originals = current.group;
    current.group = [];
    const shown = pooled === undefined ? undefined : await bitmapOf(pooled);
    const transfer = originals.map(({ bitmap }) => bitmap);
    return new Handover({ originals, pooled: shown, ended }, [
      ...transfer,
      ...(shown === undefined ? [] : [shown.bitmap]),
    ]);
  }),
  /** With what videos of a size can be written. */
  abilities: ({ width, height }: { width: number; height: number }) => abilities(width, height),
  /** Pools the whole video into a file; `undefined` when it was stopped. */
  async write({ settings, container }: { settings: Settings; container: Container }) {
    if (source === undefined) throw new Error("there is no video yet");
    if (writing) throw new Error("a video is being written already");
    writing = true;
    stop = false;
    done = 0;
    try {
      const written = await write(source, settings, container, {
        onProgress: (seconds) => {
          done = seconds;
        },
        stopped: () => stop,
      });
      if (written === undefined) return undefined;
      return new Handover(written, [written.bytes.buffer]);
    } finally {
      writing = false;
    }
  },
  /** Seconds that are written. */
  progress: (_: undefined) => done,
  /** Stops writing. */
  stop(_: undefined): void {
    stop = true;
  },
};

/** What the page can ask. */
export type Handlers = typeof handlers;

serve(handlers);
