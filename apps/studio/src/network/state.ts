/** What the page of networks knows. */
import { batch, computed, effect, signal, untracked } from "@preact/signals";
import type { Provider } from "@softpool/onnx/session-web";
import { download, kindOf } from "../files.ts";
import { bytes as bytesInWords, stem } from "../format.ts";
import { chart, decode, type Source } from "../picture/decode.ts";
import { source as pictureOfOtherTab } from "../picture/state.ts";
import { connect, newestOnly } from "../rpc.ts";
import type { Scaling } from "./input.ts";
import type { Handlers, LayerRow, NetworkFacts, RunReply } from "./network.worker.ts";

/** The network. */
export const facts = signal<NetworkFacts | undefined>(undefined);
/** Its pooling layers. */
export const layers = signal<readonly LayerRow[]>([]);
/** Names of the layers that are swapped. */
export const chosen = signal<ReadonlySet<string>>(new Set());
/** The method that comes in. */
export const to = signal("soft");
/** SoftPool's temperature. */
export const beta = signal(1);
/** Whether standard operators are written in place. */
export const inline = signal(false);
/** The swapped network's bytes, and what they are of. */
export const swapped = signal<{ blob: Blob; name: string; replaced: number } | undefined>(
  undefined,
);
/** The picture that the networks see. */
export const picture = signal<Source | undefined>(undefined);
/** Size of the input where the network leaves it open. */
export const size = signal(224);
/** How values are scaled. */
export const scaling = signal<Scaling>("imagenet");
/** Which provider runs the networks. */
export const provider = signal<Provider>("cpu");
/** The layer whose maps are shown. */
export const inside = signal<string | undefined>(undefined);
/** What came out. */
export const reply = signal<RunReply | undefined>(undefined);
/** Names of the classes, where a file gave them. */
export const labels = signal<readonly string[]>([]);
/** What is being done. */
export const busy = signal<"reading" | "swapping" | "running" | undefined>(undefined);
/** What went wrong. */
export const problem = signal<string | undefined>(undefined);

const worker = connect<Handlers>(
  new Worker(new URL("./network.worker.ts", import.meta.url), { type: "module", name: "network" }),
);

/** Columns and rows of the input. */
export const inputSize = computed(() => {
  const input = facts.value?.picture;
  if (input === undefined || typeof input === "string") return undefined;
  return { width: input.width ?? size.value, height: input.height ?? size.value };
});

/** Kinds of layers that are chosen when a network comes in. */
const usual = new Set(["maximum", "average"]);

async function doing(what: typeof busy.value, work: () => Promise<void>): Promise<void> {
  batch(() => {
    busy.value = what;
    problem.value = undefined;
  });
  try {
    await work();
  } catch (error) {
    problem.value = (error as Error).message;
  } finally {
    busy.value = undefined;
  }
}

const opening = newestOnly();

/** Opens a network, or with no files the one at hand. */
export function open(files: readonly File[]): Promise<void> {
  const isNewest = opening();
  return doing("reading", async () => {
    const next = await worker.call("open", { files });
    const rows = await worker.call("layers", { to: to.value });
    if (!isNewest()) return;
    batch(() => {
      facts.value = next;
      layers.value = rows;
      swapped.value = undefined;
      reply.value = undefined;
      if (next.size !== undefined) size.value = next.size;
      if (files.length === 0) scaling.value = "unit";
      chosen.value = new Set(
        rows
          .filter(({ kind, refusal }) => usual.has(kind) && refusal === undefined)
          .map(({ name }) => name),
      );
      inside.value = rows.find(({ visible, name }) => visible && chosen.value.has(name))?.name;
    });
  });
}

/** Lists the layers again when another method is asked for; what cannot be swapped is not chosen any more. */
effect(() => {
  const method = to.value;
  untracked(() => {
    if (facts.value === undefined) return;
    void doing("reading", async () => {
      const rows = await worker.call("layers", { to: method });
      if (method !== to.value) return;
      batch(() => {
        layers.value = rows;
        const can = new Set(rows.filter((row) => row.refusal === undefined).map((row) => row.name));
        chosen.value = new Set([...chosen.value].filter((name) => can.has(name)));
      });
    });
  });
});

/** A swapped network is of the settings that it was made with: others make it void. */
effect(() => {
  void [to.value, beta.value, inline.value, chosen.value];
  untracked(() => {
    batch(() => {
      swapped.value = undefined;
      reply.value = undefined;
    });
  });
});

/** Swaps the chosen layers. */
export async function swap(): Promise<void> {
  const own = facts.value;
  if (own === undefined || chosen.value.size === 0) return;
  await doing("swapping", async () => {
    const result = await worker.call("swap", {
      to: to.value,
      beta: beta.value,
      layers: [...chosen.value],
      inline: inline.value,
    });
    reply.value = undefined;
    swapped.value = {
      blob: new Blob([result.bytes], { type: "application/octet-stream" }),
      name: `${stem(own.name)}-${to.value}.onnx`,
      replaced: result.replaced,
    };
  });
}

/** Downloads the swapped network. */
export function save(): void {
  if (swapped.value !== undefined) download(swapped.value.blob, swapped.value.name);
}

/** What the swapped network is, in words. */
export function swappedWords(): string {
  const result = swapped.value;
  if (result === undefined) return "";
  const count = `${result.replaced} ${result.replaced === 1 ? "layer" : "layers"}`;
  return `${count} replaced, ${bytesInWords(result.blob.size)}`;
}

/** Swaps where that was not done yet, and runs both networks on the picture. */
export async function run(): Promise<void> {
  const measures = inputSize.value;
  if (measures === undefined) return;
  if (swapped.value === undefined && chosen.value.size > 0) {
    await swap();
    if (problem.value !== undefined) return;
  }
  picture.value ??= pictureOfOtherTab.value ?? chart();
  const shown = picture.value;
  await doing("running", async () => {
    const bitmap = await createImageBitmap(shown.canvas);
    reply.value = await worker.call(
      "run",
      {
        picture: bitmap,
        ...measures,
        scaling: scaling.value,
        provider: provider.value,
        inside: inside.value,
      },
      [bitmap],
    );
  });
}

/** Takes whatever files: a network with its weights, a picture, names of classes. */
export async function take(files: readonly File[]): Promise<void> {
  const network = files.some((file) => kindOf(file) === "network");
  const image = files.find((file) => kindOf(file) === "picture");
  const text = files.find(({ name }) => /\.(txt|json)$/i.test(name));
  if (network) await open(files);
  if (image !== undefined) {
    await doing("reading", async () => {
      picture.value = await decode(image, image.name);
      reply.value = undefined;
    });
  }
  if (text !== undefined) {
    await doing("reading", async () => {
      labels.value = labelsOf(await text.text(), text.name);
    });
  }
  if (!network && image === undefined && text === undefined) {
    problem.value = `"${files[0]?.name}": expected an ONNX file, a picture, or a list of class names.`;
  }
}

/** Names of classes: a line each, or a JSON list or object by number. */
export function labelsOf(text: string, name: string): string[] {
  if (!name.toLowerCase().endsWith(".json")) {
    return text
      .split(/\r?\n/)
      .map((line) => line.trim())
      .filter((line) => line !== "");
  }
  const list: unknown = JSON.parse(text);
  if (Array.isArray(list)) return list.map(String);
  if (typeof list === "object" && list !== null) {
    const entries = Object.entries(list).filter(([key]) => /^\d{1,6}$/.test(key));
    const names: string[] = [];
    for (const [key, value] of entries) {
      names[Number(key)] = String(Array.isArray(value) ? value.at(-1) : value);
    }
    if (names.length > 0) return names;
  }
  throw new Error(`"${name}": expected a JSON list of class names, or an object by number.`);
}
