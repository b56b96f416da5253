/** What the picture's page knows: the picture, the settings, and what came of them. */
import { batch, computed, effect, type Signal, signal, untracked } from "@preact/signals";
import type { Light, Protocol } from "@softpool/pictures";
import { graphics } from "../environment.ts";
import { connect, latestOnly } from "../rpc.ts";
import { canvasOf } from "./canvas.ts";
import type { Source } from "./decode.ts";
import type { Likeness, Handlers as MeasureHandlers } from "./measure.worker.ts";
import { type MethodName, methods, refusal } from "./methods.ts";
import type { Engine, Handlers as PoolHandlers, PoolReply } from "./pool.worker.ts";
import type { Window } from "./window.ts";

/** How the pictures are shown. */
export type View = "panes" | "divider" | "difference";

/** What a pane shows: the original or a method. */
export type Subject = "original" | MethodName;

/** A pooled picture on the page. */
export interface Pooled {
  /** Its pixels. */
  readonly canvas: OffscreenCanvas;
  /** With what windows. */
  readonly window: Window;
  /** At what temperature, where the method has one. */
  readonly beta: number;
  /** In what light. */
  readonly light: Light;
  /** Milliseconds of the operator. */
  readonly operator: number;
  /** Milliseconds of the rounding to pixels. */
  readonly conversion: number;
}

/** All that is known of one method. */
export interface MethodState {
  /** What is shown. */
  readonly pooled: Signal<Pooled | undefined>;
  /** Why nothing is shown. */
  readonly error: Signal<string | undefined>;
  /** Measured when settings rested: those of `key`. */
  readonly likeness: Signal<(Likeness & { readonly key: string }) | undefined>;
  /** Milliseconds of the operator by engine; a dash where it does not run. */
  readonly times: Signal<Partial<Record<Engine, number>>>;
}

/** The picture. */
export const source = signal<Source | undefined>(undefined);
/** A sentence about the last file that could not be used. */
export const problem = signal<string | undefined>(undefined);
/** Whether a file is being decoded. */
export const loading = signal(false);

/** Taps along an axis. */
export const kernel = signal(3);
/** Distance of windows; `undefined` follows the kernel. */
export const ownStride = signal<number | undefined>(undefined);
/** The windows. */
export const window_ = computed<Window>(() => ({
  kernel: kernel.value,
  stride: ownStride.value ?? kernel.value,
}));
/** Temperature of SoftPool. */
export const beta = signal(1);
/** What is pooled. */
export const light = signal<Light>("srgb");
/** Which engine makes what is shown. */
export const engine = signal<Engine>("wasm");
/** How pooled pictures are enlarged, for the eye and for the measures. */
export const protocol = signal<Protocol["name"]>("nearest");
/** How the pictures are shown. */
export const view = signal<View>("panes");
/** Which methods are shown. */
export const shown = signal<ReadonlySet<MethodName>>(new Set(methods.map(({ name }) => name)));
/** Left and right of the divider. */
export const sides = signal<readonly [Subject, Subject]>(["average", "soft"]);
/** The methods that are pooled: those shown, and those at the divider. */
export const wanted = computed<ReadonlySet<MethodName>>(() => {
  const beside: readonly Subject[] = view.value === "divider" ? sides.value : [];
  return new Set(
    methods
      .map(({ name }) => name)
      .filter((name) => shown.value.has(name) || beside.includes(name)),
  );
});
/** How much differences are amplified. */
export const gain = signal(4);
/** Whether the methods are being measured. */
export const measuring = signal(false);

/** What is known of the methods. */
export const states: Readonly<Record<MethodName, MethodState>> = Object.fromEntries(
  methods.map(({ name }) => [
    name,
    {
      pooled: signal(undefined),
      error: signal(undefined),
      likeness: signal(undefined),
      times: signal({}),
    },
  ]),
) as unknown as Record<MethodName, MethodState>;

const pooler = connect<PoolHandlers>(
  new Worker(new URL("./pool.worker.ts", import.meta.url), { type: "module", name: "pool" }),
);
const meter = connect<MeasureHandlers>(
  new Worker(new URL("./measure.worker.ts", import.meta.url), { type: "module", name: "measure" }),
);

/** What the operator runs on. */
export const engineWords = signal<string | undefined>(undefined);
void pooler.call("info", undefined as never).then(
  ({ threads }) => {
    engineWords.value = `WebAssembly SIMD, ${threads} ${threads === 1 ? "thread" : "threads"}`;
  },
  (error: Error) => {
    engineWords.value = `WebAssembly does not run here: ${error.message}`;
  },
);

/** Pooled anew whenever it grows; the number tells late answers from current ones. */
let generation = 0;
const turns = new Map(methods.map(({ name }) => [name, latestOnly()]));
let restTimer: ReturnType<typeof setTimeout> | undefined;

/** Takes another picture. */
export async function show(next: Source): Promise<void> {
  // The page keeps its own pixels.
  const { width, height, rgba } = next;
  const { values } = await pooler.call("load", { width, height, rgba });
  await meter.call("load", { width, height, values }, [values.buffer]);
  batch(() => {
    source.value = next;
    problem.value = undefined;
    for (const state of Object.values(states)) {
      state.pooled.value = undefined;
      state.likeness.value = undefined;
      state.times.value = {};
    }
  });
}

/** Whether a method is pooled by the chosen engine, and if not, why. */
export function engineFor(name: MethodName): Engine {
  const method = methods.find((entry) => entry.name === name);
  return engine.value === "webgpu" && method?.gpu === true ? "webgpu" : "wasm";
}

/** The settings as they are now, for one method. */
function requestOf(name: MethodName, values: boolean, by: Engine = engineFor(name)) {
  return {
    ...window_.value,
    method: name,
    beta: beta.value,
    light: light.value,
    engine: by,
    values,
  };
}

function paint({ width, height, rgba }: PoolReply): OffscreenCanvas {
  const [canvas, context] = canvasOf(width, height);
  context.putImageData(new ImageData(rgba, width, height), 0, 0);
  return canvas;
}

/** Tells what a measure is of: equal keys give equal numbers. */
export function measureKey(name: MethodName): string {
  const { kernel: k, stride } = window_.value;
  const heat = name === "soft" ? beta.value : "";
  return [k, stride, heat, light.value, engineFor(name), protocol.value].join(" ");
}

/** Pools by one method, unless newer settings come before it is its turn. */
function refresh(name: MethodName): void {
  turns.get(name)?.(async () => {
    const state = states[name];
    const request = requestOf(name, false);
    try {
      const reply = await pooler.call("pool", request);
      batch(() => {
        state.error.value = undefined;
        state.pooled.value = {
          canvas: paint(reply),
          window: { kernel: request.kernel, stride: request.stride },
          beta: request.beta,
          light: request.light,
          operator: reply.operator,
          conversion: reply.conversion,
        };
        state.times.value = { ...state.times.value, [request.engine]: reply.operator };
      });
    } catch (error) {
      batch(() => {
        state.pooled.value = undefined;
        state.error.value = (error as Error).message;
      });
    }
  });
}

/** How long settings must rest before the methods are measured, in milliseconds. */
const REST = 350;

/** Measures all methods that are shown, once the settings rest. */
function measureLater(): void {
  const current = ++generation;
  clearTimeout(restTimer);
  measuring.value = true;
  restTimer = setTimeout(() => void measureAll(current), REST);
}

async function measureAll(current: number): Promise<void> {
  const stale = () => current !== generation;
  for (const { name, gpu } of methods) {
    if (!wanted.value.has(name) || refusal(name, window_.value) !== undefined) continue;
    const state = states[name];
    const size = window_.value;
    const by = protocol.value;
    const key = measureKey(name);
    if (state.likeness.value?.key === key) continue;
    try {
      const reply = await pooler.call("pool", requestOf(name, true));
      if (stale()) return;
      const { width, height, values, operator } = reply;
      // The second call of the same kind: nothing is compiled or allocated for the first time.
      state.times.value = { ...state.times.value, [engineFor(name)]: operator };
      const request = { width, height, values, ...size, protocol: by };
      const likeness = await meter.call("measure", request, [values.buffer]);
      if (stale()) return;
      state.likeness.value = { ...likeness, key };
      if (graphics.value?.present && gpu) await timeOthers(name);
      if (stale()) return;
    } catch {
      // What cannot be pooled says so in its pane.
    }
  }
  measuring.value = false;
}

/** Times the engine that is not shown: once for its compilation, then again. */
async function timeOthers(name: MethodName): Promise<void> {
  const other: Engine = engineFor(name) === "wasm" ? "webgpu" : "wasm";
  const { times } = states[name];
  const request = requestOf(name, false, other);
  if (times.value[other] === undefined) await pooler.call("pool", request);
  const { operator } = await pooler.call("pool", request);
  times.value = { ...times.value, [other]: operator };
}

// What is shown follows the settings: SoftPool the temperature too.
effect(() => {
  if (source.value === undefined) return;
  void [window_.value, light.value, engine.value];
  const names = [...wanted.value].filter((name) => name !== "soft");
  untracked(() => names.forEach(refresh));
});
effect(() => {
  if (source.value === undefined) return;
  void [window_.value, light.value, engine.value, beta.value];
  if (wanted.value.has("soft")) untracked(() => refresh("soft"));
});
effect(() => {
  if (source.value === undefined) return;
  void [window_.value, light.value, engine.value, beta.value, protocol.value, wanted.value];
  untracked(measureLater);
});
