/** The frame of the page: the head with its tabs, files that are dropped or pasted anywhere, the foot. */
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { lazy, Suspense } from "preact/compat";
import { useEffect } from "preact/hooks";
import { graphics, isolated, offline, threads } from "./environment.ts";
import { type Kind, kindOf } from "./files.ts";
import { engineWords, problem } from "./picture/state.ts";
import { openPicture, PictureView } from "./picture/view.tsx";
import { Message } from "./ui/controls.tsx";

const tabs: readonly { kind: Kind; name: string }[] = [
  { kind: "picture", name: "Picture" },
  { kind: "video", name: "Video" },
  { kind: "network", name: "Network" },
];

/** The tab that is open; it stands in the address, so that it can be bookmarked. */
const tab = signal<Kind>(tabs.find(({ kind }) => `#${kind}` === location.hash)?.kind ?? "picture");
/** Whether a file is held over the page. */
const hovering = signal(false);
/** A file that nobody can use. */
const refused = signal<string | undefined>(undefined);

const VideoView = lazy(() => import("./video/view.tsx").then((m) => ({ default: m.VideoView })));
const NetworkView = lazy(() =>
  import("./network/view.tsx").then((m) => ({ default: m.NetworkView })),
);

function open(kind: Kind): void {
  tab.value = kind;
  history.replaceState(null, "", `#${kind}`);
}

/** Brings files to the tab that they are for. */
async function take(files: readonly File[]): Promise<void> {
  refused.value = undefined;
  const first = files.find((file) => kindOf(file) !== undefined);
  const beside = tab.value === "network" && first === undefined;
  const kind = beside ? "network" : first && kindOf(first);
  if (kind === undefined) {
    const names = files.map(({ name }) => `"${name}"`).join(", ") || "what was dropped";
    refused.value = `${names}: expected a picture, a video or an ONNX file.`;
    return;
  }
  // A picture dropped on the network's tab is its input.
  if (tab.value === "network" && (kind === "picture" || beside)) {
    await (await import("./network/view.tsx")).takeFiles(files);
    return;
  }
  open(kind);
  if (kind === "picture") await openPicture(first as File);
  else if (kind === "video") (await import("./video/view.tsx")).openVideo(first as File);
  else await (await import("./network/view.tsx")).takeFiles(files);
}

function useFiles(): void {
  useEffect(() => {
    const ending = new AbortController();
    const on = <K extends keyof DocumentEventMap>(
      type: K,
      listener: (event: DocumentEventMap[K]) => void,
    ) => document.addEventListener(type, listener, { signal: ending.signal });
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") === true;
    on("dragover", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      hovering.value = true;
    });
    on("dragleave", (event) => {
      if (event.relatedTarget === null) hovering.value = false;
    });
    on("drop", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      hovering.value = false;
      void take([...(event.dataTransfer?.files ?? [])]);
    });
    on("paste", (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length > 0) void take(files);
    });
    return () => ending.abort();
  }, []);
}

function Head() {
  return (
    <header>
      <h1>
        <svg viewBox="0 0 64 64" aria-hidden="true">
          <rect x="4" y="4" width="25" height="25" rx="5" opacity=".3" />
          <rect x="35" y="4" width="25" height="25" rx="5" opacity=".55" />
          <rect x="4" y="35" width="25" height="25" rx="5" opacity=".75" />
          <circle cx="47.500" cy="47.500" r="12.500" />
        </svg>
        softpool <span>studio</span>
      </h1>
      <div role="tablist" aria-label="What to pool" class="tabs">
        {tabs.map(({ kind, name }, i) => (
          <button
            key={kind}
            type="button"
            role="tab"
            id={`tab-${kind}`}
            aria-selected={tab.value === kind}
            aria-controls="panel"
            tabIndex={tab.value === kind ? 0 : -1}
            onClick={() => open(kind)}
            onKeyDown={(event) => {
              const step = { ArrowLeft: 2, ArrowRight: 1 }[event.key];
              if (step === undefined) return;
              const next = tabs[(i + step) % tabs.length].kind;
              open(next);
              document.getElementById(`tab-${next}`)?.focus();
            }}
          >
            {name}
          </button>
        ))}
      </div>
      <p class="promise">Nothing leaves this machine.</p>
    </header>
  );
}

function State(props: { good: boolean; children: ComponentChildren }) {
  return <li class={props.good ? "good" : ""}>{props.children}</li>;
}

function Foot() {
  const gpu = graphics.value;
  return (
    <footer>
      <ul class="states">
        <State good={engineWords.value?.includes("SIMD") === true}>
          {engineWords.value ?? "WebAssembly…"}
        </State>
        <State good={isolated}>
          {isolated
            ? `cross-origin isolated: up to ${threads} threads`
            : "one thread: this page is not cross-origin isolated"}
        </State>
        <State good={gpu?.present === true}>
          {gpu === undefined ? "WebGPU…" : gpu.present ? `WebGPU on ${gpu.words}` : gpu.words}
        </State>
        <State good={offline.value === "ready"}>
          {
            {
              ready: "works without a network",
              loading: "being kept for use without a network…",
              no: "not kept for use without a network",
            }[offline.value]
          }
        </State>
      </ul>
      <p>
        Pictures, videos and networks are read, pooled and run in this page. Nothing is uploaded:
        the page has no server, and its own security policy forbids it to reach one. SoftPool is the
        softmax-weighted average of a window, y = Σ x e<sup>βx</sup> / Σ e<sup>βx</sup> (Stergiou,
        Poppe, Kalliatakis, ICCV 2021); pictures are pooled as values from 0 to 1.
      </p>
    </footer>
  );
}

/** The whole page. */
export function App() {
  useFiles();
  return (
    <>
      <Head />
      <main>
        <div id="panel" role="tabpanel" aria-labelledby={`tab-${tab.value}`}>
          <Message of={refused} />
          {tab.value === "picture" && <PictureView />}
          <Suspense fallback={<p class="hint">…</p>}>
            {tab.value === "video" && <VideoView />}
            {tab.value === "network" && <NetworkView />}
          </Suspense>
        </div>
      </main>
      <Foot />
      {hovering.value && (
        <div class="dropping">
          <p>Drop a picture, a video or an ONNX file</p>
        </div>
      )}
    </>
  );
}

/** Says on the page what nobody caught. */
export function report(error: unknown): void {
  problem.value = error instanceof Error ? error.message : String(error);
}
