/** What both networks gave, side by side: scores as bars, maps as pictures, distances as numbers. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Notice } from "../ui/controls.tsx";
import type { Maps, Output, Scores } from "./outputs.ts";
import { inside, labels, reply, to } from "./state.ts";

function labelOf(index: number): string {
  return labels.value[index] ?? `class ${index}`;
}

function Bars({ output }: { output: Scores }) {
  const most = Math.max(...output.top.map(({ value }) => Math.abs(value)), 1e-12);
  return (
    <ol class="bars">
      {output.top.map(({ index, value }) => (
        <li key={index}>
          <span class="class">{labelOf(index)}</span>
          <i
            class="part"
            style={{ width: `${(100 * Math.max(0, value)) / (output.shares ? 1 : most)}%` }}
          />
          <b class="number">
            {output.shares ? `${(100 * value).toFixed(1)} %` : value.toPrecision(4)}
          </b>
        </li>
      ))}
    </ol>
  );
}

/** The range of all maps, so that equal colours are equal values in both networks. */
function rangeOf(all: readonly (Maps | undefined)[]): [number, number] {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const maps of all) {
    for (const channel of maps?.channels ?? []) {
      for (const value of channel) {
        if (value < least) least = value;
        if (value > most) most = value;
      }
    }
  }
  return [least, most];
}

/** Dark blue over rose to light yellow: lightness grows evenly, so that it can be read in grey too. */
const stops = [
  [13, 8, 45],
  [87, 22, 110],
  [187, 55, 84],
  [249, 142, 9],
  [252, 255, 164],
] as const;

function colour(part: number): [number, number, number] {
  const at = Math.min(1, Math.max(0, part || 0)) * (stops.length - 1);
  const i = Math.min(stops.length - 2, Math.floor(at));
  const t = at - i;
  const mix = (c: 0 | 1 | 2) => stops[i][c] + t * (stops[i + 1][c] - stops[i][c]);
  return [mix(0), mix(1), mix(2)];
}

function Channel(props: {
  channel: Float32Array;
  width: number;
  height: number;
  range: readonly [number, number];
  label: string;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { channel, width, height, range } = props;
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (context == null || width === 0 || height === 0) return;
    const image = context.createImageData(width, height);
    const [least, most] = range;
    channel.forEach((value, i) => {
      image.data.set([...colour((value - least) / (most - least)), 255], 4 * i);
    });
    context.putImageData(image, 0, 0);
  }, [channel, width, height, range]);
  return (
    <canvas
      ref={canvas}
      class="map"
      width={Math.max(1, width)}
      height={Math.max(1, height)}
      role="img"
      aria-label={props.label}
    />
  );
}

function MapRows(props: {
  a: Maps;
  b: Maps | undefined;
  title: string;
  children?: ComponentChildren;
}) {
  const { a, b, title } = props;
  const range = rangeOf([a, b]);
  const rows = [
    { name: "original", maps: a },
    ...(b === undefined ? [] : [{ name: to.value, maps: b }]),
  ];
  return (
    <section class="card">
      <h2>{title}</h2>
      <p class="hint">
        {a.shape.join(" × ")}; the first {a.channels.length} channels, values from{" "}
        {range[0].toPrecision(3)} to {range[1].toPrecision(3)}, colours alike in both.
      </p>
      {rows.map(({ name, maps }) => (
        <div class="maps" key={name}>
          <b class="whose">{name}</b>
          <div class="row">
            {maps.channels.map((channel, i) => (
              <Channel
                key={i}
                channel={channel}
                width={maps.width}
                height={maps.height}
                range={range}
                label={`${title}, channel ${i}, ${name}`}
              />
            ))}
          </div>
        </div>
      ))}
      {props.children}
    </section>
  );
}

function Pair({ a, b }: { a: Output; b: Output | undefined }) {
  const distance = reply.value?.distances.find(({ name }) => name === a.name);
  const words = distance && (
    <p class="hint distance">
      largest change {distance.largest.toPrecision(3)}, where the largest value is{" "}
      {distance.scale.toPrecision(3)}
      {!distance.finite && "; some values are not finite"}
    </p>
  );
  if (a.kind === "maps") {
    return (
      <MapRows a={a} b={b?.kind === "maps" ? b : undefined} title={`Output ${a.name}`}>
        {words}
      </MapRows>
    );
  }
  return (
    <section class="card">
      <h2>Output {a.name}</h2>
      {a.kind === "scores" && (
        <p class="hint">
          The {a.top.length} largest of {a.count}
          {a.softmax && ", as shares that a softmax gives"}.
        </p>
      )}
      {a.kind === "scores" ? (
        <div class="two-bars">
          <figure>
            <figcaption>original</figcaption>
            <Bars output={a} />
          </figure>
          {b?.kind === "scores" && (
            <figure>
              <figcaption>{to.value}</figcaption>
              <Bars output={b} />
            </figure>
          )}
        </div>
      ) : (
        <p class="hint">{a.shape.join(" × ") || "a single number"}</p>
      )}
      {words}
    </section>
  );
}

/** All that came out, once the networks ran. */
export function Outcomes() {
  const result = reply.value;
  if (result === undefined) return null;
  const { original, swapped } = result;
  return (
    <div class="outcomes">
      {result.notes.map((line) => (
        <Notice key={line} kind="note">
          {line}
        </Notice>
      ))}
      {original.outputs.map((output) => (
        <Pair
          key={output.name}
          a={output}
          b={swapped?.outputs.find(({ name }) => name === output.name)}
        />
      ))}
      {original.inside?.kind === "maps" && (
        <MapRows
          a={original.inside}
          b={swapped?.inside?.kind === "maps" ? swapped.inside : undefined}
          title={`Inside, behind ${inside.value ?? original.inside.name}`}
        />
      )}
    </div>
  );
}
