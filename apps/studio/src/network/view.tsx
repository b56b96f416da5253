/** The page of networks: the pooling layers as a list, the swap, both networks on a picture. */
import { catalogue } from "@softpool/poolings";
import { useEffect, useRef } from "preact/hooks";
import { graphics } from "../environment.ts";
import { accept } from "../files.ts";
import { bytes, milliseconds } from "../format.ts";
import { Temperature } from "../picture/temperature.tsx";
import { Choice, FileButton, Message, Panel, Select, Switch, Whole } from "../ui/controls.tsx";
import { scalings } from "./input.ts";
import { Outcomes } from "./outcomes.tsx";
import {
  beta,
  busy,
  chosen,
  facts,
  inline,
  inputSize,
  inside,
  layers,
  open,
  picture,
  problem,
  provider,
  reply,
  run,
  save,
  scaling,
  size,
  swap,
  swapped,
  swappedWords,
  take,
  to,
} from "./state.ts";
import "../style/network.css";

/** Takes files that were dropped or picked. */
export function takeFiles(files: readonly File[]): Promise<void> {
  return take(files);
}

function Files() {
  const network = facts.value;
  return (
    <section class="files" aria-label="Network">
      <p class="current">
        <b>{busy.value === "reading" ? "Reading…" : network?.name}</b>
        {network && (
          <span>
            {bytes(network.bytes)}, operator set {network.opset}
            {network.inputs.map((line) => (
              <span key={line} class="value">
                in {line}
              </span>
            ))}
            {network.outputs.map((line) => (
              <span key={line} class="value">
                out {line}
              </span>
            ))}
          </span>
        )}
      </p>
      <div class="buttons two">
        <FileButton
          label="Open a network"
          primary
          multiple
          accept={accept.network}
          onFiles={(files) => void open(files)}
        />
        <button type="button" class="button wide" onClick={() => void open([])}>
          Filter bank
        </button>
      </div>
      <p class="hint">
        An ONNX file, with the file of its weights where they lie outside. Or drop them anywhere on
        the page.
      </p>
    </section>
  );
}

function Method() {
  const method = catalogue.find(({ name }) => name === to.value);
  return (
    <Panel title="What comes in">
      <Select
        label="Method"
        value={to.value}
        options={catalogue.map(({ name }) => ({ value: name, name }))}
        hint={method?.summary}
        onChange={(value) => {
          to.value = value;
        }}
      />
      {method?.trained && (
        <p class="hint">
          It learns: its parameters have their initial values, until the network is trained on.
        </p>
      )}
      <Switch
        label="Standard operators in place, for other runtimes"
        value={inline.value}
        onChange={(value) => {
          inline.value = value;
        }}
      />
    </Panel>
  );
}

function Picture() {
  const network = facts.value?.picture;
  if (network === undefined) return null;
  if (typeof network === "string") {
    return (
      <Panel title="Picture">
        <p class="hint">Pictures cannot be fed to this network: {network}. It can be swapped.</p>
      </Panel>
    );
  }
  const gpu = graphics.value?.present === true;
  const free = network.height === undefined || network.width === undefined;
  return (
    <Panel title="Picture">
      <p class="current">
        <b>{picture.value?.name ?? "the picture of the other tab"}</b>
        <span>
          seen as {inputSize.value?.width} × {inputSize.value?.height}
        </span>
      </p>
      <FileButton
        label="Another picture"
        accept={accept.picture}
        onFiles={(files) => void take(files)}
      />
      {free && (
        <Whole
          label="Size"
          value={size.value}
          min={16}
          max={640}
          onChange={(value) => (size.value = value)}
        />
      )}
      <Select
        label="Values"
        value={scaling.value}
        options={scalings}
        onChange={(value) => {
          scaling.value = value;
          reply.value = undefined;
        }}
      />
      <Choice
        label="Runs on"
        value={provider.value}
        options={[
          { value: "cpu", name: "WebAssembly" },
          { value: "webgpu", name: "WebGPU", disabled: !gpu, title: graphics.value?.words },
        ]}
        onChange={(value) => {
          provider.value = value;
          reply.value = undefined;
        }}
      />
      <FileButton
        label="Names of classes"
        accept=".txt,.json"
        onFiles={(files) => void take(files)}
      />
    </Panel>
  );
}

function Layers() {
  const rows = layers.value;
  const all = rows.filter(({ refusal }) => refusal === undefined);
  const every = useRef<HTMLInputElement>(null);
  const count = all.filter(({ name }) => chosen.value.has(name)).length;
  useEffect(() => {
    if (every.current !== null) every.current.indeterminate = count > 0 && count < all.length;
  });
  if (facts.value === undefined) return null;
  if (rows.length === 0) {
    return (
      <div class="card">
        <p>This network has no pooling layers.</p>
      </div>
    );
  }
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys
    <section class="card scroll" aria-label="Layers" tabIndex={0}>
      <table class="layers">
        <caption>Pooling layers. Those that are marked are swapped.</caption>
        <thead>
          <tr>
            <th scope="col" class="mark">
              <input
                ref={every}
                type="checkbox"
                aria-label="All layers"
                checked={all.length > 0 && count === all.length}
                disabled={all.length === 0}
                onChange={(event) => {
                  chosen.value = new Set(
                    event.currentTarget.checked ? all.map(({ name }) => name) : [],
                  );
                }}
              />
            </th>
            <th scope="col" class="name">
              Layer
            </th>
            <th scope="col" class="words">
              Kind
            </th>
            <th scope="col" class="words">
              Window
            </th>
            <th scope="col" class="words">
              Input
            </th>
            <th scope="col" class="words">
              Becomes
            </th>
            <th scope="col">Look inside</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ name, kind, window, input, refusal, visible }) => (
            <tr key={name}>
              <td class="mark">
                <input
                  type="checkbox"
                  aria-label={`Swap ${name}`}
                  checked={chosen.value.has(name)}
                  disabled={refusal !== undefined}
                  onChange={(event) => {
                    const next = new Set(chosen.value);
                    if (event.currentTarget.checked) next.add(name);
                    else next.delete(name);
                    chosen.value = next;
                  }}
                />
              </td>
              <th scope="row" class="name">
                {name}
              </th>
              <td class="words">{kind}</td>
              <td class="words">{window}</td>
              <td class="words">{input}</td>
              <td class="words becomes">
                {chosen.value.has(name) ? <b>{to.value}</b> : (refusal ?? "stays")}
              </td>
              <td>
                {visible && (
                  <input
                    type="radio"
                    name="inside"
                    aria-label={`Look inside ${name}`}
                    checked={inside.value === name}
                    onChange={() => {
                      inside.value = name;
                      if (reply.value !== undefined) void run();
                    }}
                  />
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Actions() {
  const idle = busy.value === undefined;
  const runnable = inputSize.value !== undefined;
  return (
    <div class="card export">
      <button
        type="button"
        class="button primary"
        disabled={!idle || chosen.value.size === 0}
        onClick={() => void swap()}
      >
        Swap
      </button>
      <button type="button" class="button" disabled={swapped.value === undefined} onClick={save}>
        Download{swapped.value && ` ${swapped.value.name}`}
      </button>
      <button type="button" class="button" disabled={!idle || !runnable} onClick={() => void run()}>
        Run both on the picture
      </button>
      <span class="clock" role="status">
        {busy.value === "running"
          ? "Running…"
          : busy.value === "swapping"
            ? "Swapping…"
            : swappedWords()}
      </span>
    </div>
  );
}

/** How much longer or shorter the swapped network takes. */
function Timing() {
  const result = reply.value;
  if (result?.swapped === undefined) {
    return <p class="timing">{result && <b>{milliseconds(result.original.milliseconds)}</b>}</p>;
  }
  const { original, swapped: other, provider: ran, runs } = result;
  return (
    <p class="timing">
      <b>{(other.milliseconds / original.milliseconds).toFixed(2)} ×</b> the original's time
      <small>
        {milliseconds(original.milliseconds)} and {milliseconds(other.milliseconds)}, medians of{" "}
        {runs} on {ran}
      </small>
    </p>
  );
}

/** The page. */
export function NetworkView() {
  useEffect(() => {
    if (facts.value === undefined && busy.value === undefined) void open([]);
  }, []);
  return (
    <div class="work">
      <aside>
        <Files />
        <Method />
        <Picture />
      </aside>
      <div class="result">
        <Message of={problem} />
        {to.value === "soft" ? (
          <Temperature beta={beta}>
            <Timing />
          </Temperature>
        ) : (
          <div class="temperature alone">
            <Timing />
          </div>
        )}
        <Layers />
        <Actions />
        <Outcomes />
      </div>
    </div>
  );
}
