/** What the page of videos knows, and its player. */
import { batch, computed, effect, signal, untracked } from "@preact/signals";
import type { Light } from "@softpool/pictures";
import { download } from "../files.ts";
import { stem } from "../format.ts";
import type { MethodName } from "../picture/methods.ts";
import { outputs } from "../picture/window.ts";
import { connect, newestOnly } from "../rpc.ts";
import type { Ability, Container } from "./export.ts";
import type { Facts } from "./frames.ts";
import type { Settings } from "./pool.ts";
import type { Group, Handlers } from "./video.worker.ts";

/** The method. */
export const method = signal<MethodName>("soft");
/** Temperature of SoftPool. */
export const beta = signal(1);
/** What is pooled. */
export const light = signal<Light>("srgb");
/** Taps in space. */
export const kernel = signal(4);
/** Taps in time. */
export const span = signal(2);
/** Distance of windows in space; `undefined` follows the kernel. */
export const ownStride = signal<number | undefined>(undefined);
/** Distance of windows in time; `undefined` follows the span. */
export const ownStep = signal<number | undefined>(undefined);
/** All settings. */
export const settings = computed<Settings>(() => ({
  method: method.value,
  beta: beta.value,
  light: light.value,
  kernel: kernel.value,
  stride: ownStride.value ?? kernel.value,
  span: span.value,
  step: ownStep.value ?? span.value,
}));

/** The video. */
export const facts = signal<Facts | undefined>(undefined);
/** What went wrong. */
export const problem = signal<string | undefined>(undefined);
/** Something worth knowing about the last written file. */
export const note = signal<string | undefined>(undefined);
/** Whether a file is being opened. */
export const loading = signal(false);
/** Whether it plays. */
export const playing = signal(false);
/** Seconds from the beginning. */
export const time = signal(0);
/** The original frame that is shown. */
export const original = signal<ImageBitmap | undefined>(undefined);
/** The pooled frame that is shown. */
export const pooled = signal<Group["pooled"]>(undefined);
/** How fast it plays: 1 as it should, less where pooling does not keep up. */
export const speed = signal(1);
/** What can be written. */
export const able = signal<Record<Container, Ability> | undefined>(undefined);
/** The file that is being written. */
export const writing = signal<
  { container: Container; part: number; seconds: number; left: number } | undefined
>(undefined);

/** The size of pooled frames. */
export const pooledSize = computed(() => {
  if (facts.value === undefined) return undefined;
  const { width, height } = facts.value;
  return { width: outputs(width, settings.value), height: outputs(height, settings.value) };
});

const worker = connect<Handlers>(
  new Worker(new URL("./video.worker.ts", import.meta.url), { type: "module", name: "video" }),
);

/** Groups that are ready to be shown, in their order. */
let ready: Group[] = [];
/** Grows with every seek: what belongs to an older one is thrown away. */
let generation = 0;
let pulling = false;
let ended = false;
const AHEAD = 4;

function discard(groups: readonly Group[]): void {
  for (const group of groups) {
    for (const { bitmap } of group.originals) bitmap.close();
    group.pooled?.bitmap.close();
  }
}

async function pull(): Promise<void> {
  if (pulling) return;
  pulling = true;
  try {
    while (ready.length < AHEAD && !ended) {
      const current = generation;
      const group = await worker.call("next", undefined);
      if (current !== generation) {
        discard([group]);
        continue;
      }
      ended = group.ended;
      ready.push(group);
    }
  } catch (error) {
    ended = true;
    problem.value = (error as Error).message;
    playing.value = false;
  } finally {
    pulling = false;
  }
}

/** The frames to come: originals and pooled ones with their times. */
let queue: { at: number; show: () => void }[] = [];
/** Page time minus video time while it plays. */
let offset = 0;

function enqueue(): void {
  while (queue.length === 0 && ready.length > 0) {
    const group = ready.shift() as Group;
    const begin = group.pooled?.timestamp ?? Number.POSITIVE_INFINITY;
    for (const { bitmap, timestamp } of group.originals) {
      queue.push({
        at: timestamp,
        show: () => {
          original.value?.close();
          original.value = bitmap;
          time.value = timestamp;
        },
      });
    }
    const { pooled: frame } = group;
    if (frame !== undefined) {
      queue.push({
        at: begin,
        show: () => {
          pooled.value?.bitmap.close();
          pooled.value = frame;
        },
      });
    }
    queue.sort((a, b) => a.at - b.at);
    void pull();
  }
}

/** Video seconds that were shown and page seconds that it took, of late. */
let recent = { video: 0, page: 0 };

function tick(now: number): void {
  if (!playing.value) return;
  requestAnimationFrame(tick);
  enqueue();
  if (queue.length === 0) {
    if (ended) {
      // Plays again from the beginning.
      void seek(0);
    }
    return;
  }
  const page = now / 1000;
  // Where pooling does not keep up, the clock waits for it instead of leaving frames out.
  if (queue[0].at - (page - offset) < -0.25) offset = page - queue[0].at;
  const before = time.value;
  batch(() => {
    while (queue.length > 0 && queue[0].at <= page - offset) {
      queue.shift()?.show();
      if (queue.length === 0) enqueue();
    }
  });
  const moved = time.value - before;
  recent.video += Math.max(0, moved);
  if (recent.page === 0) recent.page = page;
  if (page - recent.page > 1) {
    speed.value = Math.min(1, recent.video / (page - recent.page));
    recent = { video: 0, page };
  }
}

/** Shows the video at a time, and goes on from there when it plays. */
export async function seek(to: number): Promise<void> {
  if (facts.value === undefined) return;
  const current = ++generation;
  discard(ready);
  ready = [];
  queue = [];
  ended = false;
  try {
    await worker.call("seek", { time: to, settings: settings.value });
    if (current !== generation) return;
    await pull();
    // Another pull may have been under way when this one was asked for.
    while (ready.length === 0 && !ended && current === generation) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      await pull();
    }
    if (current !== generation) return;
    enqueue();
    offset = performance.now() / 1000 - to;
    recent = { video: 0, page: 0 };
    if (!playing.value) showFirst();
  } catch (error) {
    problem.value = (error as Error).message;
    playing.value = false;
  }
}

/** Shows the first frames at once, also where the video stands still. */
function showFirst(): void {
  const first = queue[0]?.at ?? 0;
  batch(() => {
    while (queue.length > 0 && queue[0].at <= first + 1e-6) queue.shift()?.show();
  });
}

/** Plays or stops. */
export function toggle(): void {
  if (facts.value === undefined) return;
  playing.value = !playing.value;
  if (!playing.value) return;
  offset = performance.now() / 1000 - time.value;
  recent = { video: 0, page: 0 };
  requestAnimationFrame(tick);
}

const opening = newestOnly();

/** Opens a file, or the scene that is drawn. */
export async function open(file: File | undefined): Promise<void> {
  const isNewest = opening();
  loading.value = true;
  problem.value = undefined;
  note.value = undefined;
  playing.value = false;
  try {
    const next = await worker.call("open", { file });
    if (!isNewest()) return;
    batch(() => {
      facts.value = next;
      time.value = 0;
    });
  } catch (error) {
    if (isNewest()) problem.value = (error as Error).message;
  } finally {
    if (isNewest()) loading.value = false;
  }
}

effect(() => {
  if (facts.value === undefined) return;
  void settings.value;
  untracked(() => {
    problem.value = undefined;
    void seek(time.value);
  });
});

effect(() => {
  const size = pooledSize.value;
  if (size === undefined || size.width === 0 || size.height === 0) return;
  void worker.call("abilities", size).then((found) => {
    able.value = found;
  });
});

/** What a written video is called. */
export function fileName(container: Container): string {
  const { method: name, kernel: k, span: t, beta: heat } = settings.value;
  const tail = name === "soft" && heat !== 1 ? `-beta${String(heat)}` : "";
  return `${stem(facts.value?.name ?? "video")}-${name}${tail}-${t}x${k}x${k}.${container}`;
}

/** Pools the whole video into a file and downloads it. */
export async function save(container: Container): Promise<void> {
  const whole = facts.value;
  if (whole === undefined || writing.value !== undefined) return;
  playing.value = false;
  problem.value = undefined;
  note.value = undefined;
  const name = fileName(container);
  const start = performance.now();
  writing.value = { container, part: 0, seconds: 0, left: Number.NaN };
  const watch = setInterval(async () => {
    const seconds = await worker.call("progress", undefined);
    if (writing.value === undefined) return;
    const part = Math.min(1, seconds / whole.duration);
    const left = ((performance.now() - start) / 1000) * (1 / Math.max(part, 1e-3) - 1);
    writing.value = { container, part, seconds, left };
  }, 250);
  try {
    const written = await worker.call("write", { settings: settings.value, container });
    if (written !== undefined) {
      const type = container === "webm" ? "video/webm" : "video/mp4";
      download(new Blob([written.bytes], { type }), name);
      note.value = [
        `"${name}" is written: ${written.frames} frames, ${(written.bytes.length / 1e6).toFixed(1)} MB.`,
        written.note,
      ]
        .filter(Boolean)
        .join(" ");
    }
  } catch (error) {
    problem.value = (error as Error).message;
  } finally {
    clearInterval(watch);
    writing.value = undefined;
  }
}

/** Stops writing; nothing is downloaded. */
export function stopWriting(): void {
  void worker.call("stop", undefined);
}
