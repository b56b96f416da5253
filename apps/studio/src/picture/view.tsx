/** The page of pictures. */
import { protocols } from "@softpool/pictures";
import { graphics } from "../environment.ts";
import { accept } from "../files.ts";
import { newestOnly } from "../rpc.ts";
import { Choice, FileButton, LightChoice, Message, Panel, Select, Whole } from "../ui/controls.tsx";
import { chart, decode, type Source } from "./decode.ts";
import { Divider } from "./divider.tsx";
import { methods } from "./methods.ts";
import { Pane, ZoomButtons } from "./pane.tsx";
import {
  beta,
  engine,
  gain,
  kernel,
  light,
  loading,
  ownStride,
  problem,
  protocol,
  show,
  shown,
  source,
  view,
  window_,
} from "./state.ts";
import { NumbersTable } from "./table.tsx";
import { Temperature } from "./temperature.tsx";
import { Timing } from "./timing.tsx";
import { fit } from "./viewport.ts";

/** The largest kernel and stride. */
const LARGEST = 16;

const opening = newestOnly();

/** Shows a picture; what goes wrong is said on the page, which keeps the picture it has. */
async function present(make: () => Source | Promise<Source>): Promise<void> {
  const isNewest = opening();
  loading.value = true;
  problem.value = undefined;
  try {
    const next = await make();
    if (!isNewest()) return;
    await show(next);
    fit();
  } catch (error) {
    if (isNewest()) problem.value = (error as Error).message;
  } finally {
    if (isNewest()) loading.value = false;
  }
}

/** Takes a picture from a file. */
export function openPicture(file: File): Promise<void> {
  return present(() => decode(file, file.name || "pasted picture"));
}

/** Shows the chart, with which the page begins. */
export function openChart(): Promise<void> {
  return present(chart);
}

async function paste(): Promise<void> {
  try {
    for (const item of await navigator.clipboard.read()) {
      const type = item.types.find((name) => name.startsWith("image/"));
      if (type === undefined) continue;
      const blob = await item.getType(type);
      await openPicture(new File([blob], "pasted picture", { type }));
      return;
    }
    problem.value = "There is no picture on the clipboard.";
  } catch {
    problem.value =
      "The browser does not let the page read the clipboard; press Ctrl or ⌘ and V instead.";
  }
}

function Files() {
  const picture = source.value;
  return (
    <section class="files" aria-label="Picture">
      <p class="current">
        <b>{loading.value ? "Reading…" : picture?.name}</b>
        {picture && !loading.value && (
          <span>
            {picture.width} × {picture.height} pixels
          </span>
        )}
      </p>
      <div class="buttons">
        <FileButton
          label="Open a picture"
          primary
          accept={accept.picture}
          onFiles={([file]) => void openPicture(file)}
        />
        <FileButton
          label="Camera"
          accept={accept.picture}
          capture="environment"
          onFiles={([file]) => void openPicture(file)}
        />
        <button type="button" class="button" onClick={() => void paste()}>
          Paste
        </button>
        <button type="button" class="button" onClick={() => void openChart()}>
          Chart
        </button>
      </div>
      <p class="hint">Or drop one anywhere on the page.</p>
    </section>
  );
}

function Settings() {
  const gpu = graphics.value;
  return (
    <Panel title="Settings">
      <Whole
        label="Kernel"
        value={kernel.value}
        min={2}
        max={LARGEST}
        onChange={(value) => {
          kernel.value = value;
        }}
      />
      <Whole
        label="Stride"
        value={window_.value.stride}
        min={1}
        max={LARGEST}
        onChange={(value) => {
          ownStride.value = value;
        }}
      />
      <label class="switch">
        <input
          type="checkbox"
          checked={ownStride.value === undefined}
          onChange={(event) => {
            ownStride.value = event.currentTarget.checked ? undefined : window_.value.stride;
          }}
        />
        <span>stride = kernel</span>
      </label>
      <LightChoice light={light} />
      <Choice
        label="Engine"
        value={engine.value}
        options={[
          { value: "wasm", name: "WebAssembly" },
          {
            value: "webgpu",
            name: "WebGPU",
            disabled: gpu?.present !== true,
            title: gpu?.words,
          },
        ]}
        onChange={(value) => {
          engine.value = value;
        }}
      />
      {gpu?.present === false && <p class="hint">{gpu.words}</p>}
      <Select
        label="Enlarged and compared"
        value={protocol.value}
        options={protocols.map(({ name, title }) => ({ value: name, name: title }))}
        onChange={(value) => {
          protocol.value = value;
        }}
      />
      <fieldset class="methods">
        <legend>Methods</legend>
        {methods.map(({ name, title, summary }) => (
          <label key={name} class="switch" title={summary}>
            <input
              type="checkbox"
              checked={shown.value.has(name)}
              onChange={(event) => {
                const next = new Set(shown.value);
                if (event.currentTarget.checked) next.add(name);
                else next.delete(name);
                shown.value = next;
              }}
            />
            <span>{title}</span>
          </label>
        ))}
      </fieldset>
    </Panel>
  );
}

/** The page. */
export function PictureView() {
  const picture = source.value;
  const names = methods.map(({ name }) => name).filter((name) => shown.value.has(name));
  return (
    <div class="work">
      <aside>
        <Files />
        <Settings />
      </aside>
      <div class="result">
        <Message of={problem} />
        <Temperature beta={beta}>
          <Timing />
        </Temperature>
        <div class="bar">
          <Choice
            label="View"
            quiet
            value={view.value}
            options={[
              { value: "panes", name: "Side by side" },
              { value: "divider", name: "Divider" },
              { value: "difference", name: "Difference" },
            ]}
            onChange={(value) => {
              view.value = value;
            }}
          />
          {view.value === "difference" && (
            <Choice
              label="Amplified"
              quiet
              value={String(gain.value)}
              options={["1", "4", "16"].map((value) => ({ value, name: `${value} ×` }))}
              onChange={(value) => {
                gain.value = Number(value);
              }}
            />
          )}
          {picture && <ZoomButtons picture={picture} />}
        </div>
        {view.value === "divider" ? (
          <Divider />
        ) : (
          <div class={`panes of-${names.length + 1}`}>
            <Pane subject="original" />
            {names.map((name) => (
              <Pane key={name} subject={name} />
            ))}
          </div>
        )}
        <NumbersTable />
      </div>
    </div>
  );
}
