/** What this browser and this page can do. */
import { signal } from "@preact/signals";

/** Whether the page is cross-origin isolated, which threads need. */
export const isolated: boolean = globalThis.crossOriginIsolated === true;

/** Threads that the operator uses, at most 16. */
export const threads: number = isolated
  ? Math.max(1, Math.min(16, navigator.hardwareConcurrency ?? 1))
  : 1;

/** The state of WebGPU here. */
export interface Graphics {
  /** Whether there is an adapter. */
  readonly present: boolean;
  /** The adapter, or why there is none. */
  readonly words: string;
}

/** WebGPU: asked once, `undefined` until it is known. */
export const graphics = signal<Graphics | undefined>(undefined);

/** Asks for an adapter. */
export async function askForGraphics(): Promise<void> {
  if (navigator.gpu === undefined) {
    const secure = globalThis.isSecureContext ? "" : ": it needs https or localhost";
    graphics.value = { present: false, words: `This browser has no WebGPU here${secure}.` };
    return;
  }
  try {
    const adapter = await navigator.gpu.requestAdapter();
    if (adapter === null) {
      graphics.value = { present: false, words: "WebGPU has no adapter here." };
      return;
    }
    const { vendor, architecture, description } = adapter.info;
    const name = description || [vendor, architecture].filter(Boolean).join(" ") || "an adapter";
    graphics.value = { present: true, words: name };
  } catch (error) {
    graphics.value = { present: false, words: `WebGPU: ${(error as Error).message}` };
  }
}

/** Whether the page works without a network: `no` where the browser keeps nothing. */
export const offline = signal<"no" | "loading" | "ready">("no");

/** Registers the service worker of the built page. */
export async function keepOffline(): Promise<void> {
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  offline.value = "loading";
  try {
    await navigator.serviceWorker.register(new URL("./service-worker.js", document.baseURI));
    await navigator.serviceWorker.ready;
    offline.value = "ready";
  } catch {
    offline.value = "no";
  }
}
