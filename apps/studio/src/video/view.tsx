/** The page of videos: original and pooled side by side, and the file with the pooled one. */
import { useEffect, useRef } from "preact/hooks";
import { accept } from "../files.ts";
import { clock, milliseconds } from "../format.ts";
import { methods } from "../picture/methods.ts";
import { Temperature } from "../picture/temperature.tsx";
import { FileButton, LightChoice, Message, Panel, Select, Whole } from "../ui/controls.tsx";
import { type Container, evenSize } from "./export.ts";
import { inTime } from "./pool.ts";
import {
  able,
  beta,
  facts,
  kernel,
  light,
  loading,
  method,
  note,
  open,
  original,
  ownStep,
  ownStride,
  playing,
  pooled,
  pooledSize,
  problem,
  save,
  seek,
  settings,
  span,
  speed,
  stopWriting,
  time,
  toggle,
  writing,
} from "./state.ts";
import "../style/video.css";

/** Opens a video; what goes wrong is said on the page. */
export function openVideo(file: File): Promise<void> {
  return open(file);
}

function Files() {
  const video = facts.value;
  return (
    <section class="files" aria-label="Video">
      <p class="current">
        <b>{loading.value ? "Reading…" : video?.name}</b>
        {video && !loading.value && (
          <span>
            {video.width} × {video.height}, {video.rate.toFixed(video.rate % 1 < 0.01 ? 0 : 2)}{" "}
            frames/s, {clock(video.duration)}
            <br />
            {video.format}
          </span>
        )}
      </p>
      <div class="buttons two">
        <FileButton
          label="Open a video"
          primary
          accept={accept.video}
          onFiles={([file]) => void open(file)}
        />
        <button type="button" class="button wide" onClick={() => void open(undefined)}>
          Moving chart
        </button>
      </div>
      <p class="hint">Or drop one anywhere on the page.</p>
    </section>
  );
}

function SettingsPanel() {
  const own = ownStride.value !== undefined || ownStep.value !== undefined;
  return (
    <Panel title="Settings">
      <Whole
        label="Kernel in time, frames"
        value={span.value}
        min={1}
        max={8}
        onChange={(value) => (span.value = value)}
      />
      <Whole
        label="Kernel in space"
        value={kernel.value}
        min={1}
        max={16}
        onChange={(value) => (kernel.value = value)}
      />
      <label class="switch">
        <input
          type="checkbox"
          checked={!own}
          onChange={(event) => {
            const follow = event.currentTarget.checked;
            ownStride.value = follow ? undefined : settings.value.stride;
            ownStep.value = follow ? undefined : settings.value.step;
          }}
        />
        <span>stride = kernel</span>
      </label>
      {own && (
        <>
          <Whole
            label="Stride in time"
            value={settings.value.step}
            min={1}
            max={8}
            onChange={(value) => (ownStep.value = value)}
          />
          <Whole
            label="Stride in space"
            value={settings.value.stride}
            min={1}
            max={16}
            onChange={(value) => (ownStride.value = value)}
          />
        </>
      )}
      <Select
        label="Method"
        value={method.value}
        options={methods
          .filter(({ name }) => inTime.includes(name))
          .map(({ name, title }) => ({ value: name, name: title }))}
        onChange={(value) => {
          method.value = value;
        }}
      />
      <LightChoice light={light} />
    </Panel>
  );
}

/** A frame, as large as its box allows. */
function Screen(props: { label: string; bitmap: ImageBitmap | undefined; large: boolean }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { bitmap } = props;
  useEffect(() => {
    const element = canvas.current;
    if (element === null || bitmap === undefined || bitmap.width === 0) return;
    if (element.width !== bitmap.width || element.height !== bitmap.height) {
      Object.assign(element, { width: bitmap.width, height: bitmap.height });
    }
    element.getContext("2d")?.drawImage(bitmap, 0, 0);
  }, [bitmap]);
  const shape = facts.value;
  return (
    <canvas
      ref={canvas}
      class={props.large ? "screen pixelated" : "screen"}
      role="img"
      aria-label={props.label}
      style={shape && { aspectRatio: `${shape.width} / ${shape.height}` }}
    />
  );
}

function Transport() {
  const video = facts.value;
  if (video === undefined) return null;
  const { duration } = video;
  const part = duration > 0 ? time.value / duration : 0;
  return (
    <div class="transport">
      <button
        type="button"
        class="button primary play"
        aria-label={playing.value ? "Pause" : "Play"}
        onClick={toggle}
      >
        {playing.value ? "❚❚" : "▶"}
      </button>
      <input
        type="range"
        aria-label="Position"
        aria-valuetext={clock(time.value)}
        min={0}
        max={1000}
        step={1}
        value={Math.round(part * 1000)}
        style={{ "--part": `${100 * part}%` }}
        onInput={(event) => {
          time.value = (Number(event.currentTarget.value) / 1000) * duration;
          void seek(time.value);
        }}
      />
      <span class="clock">
        {clock(time.value)} / {clock(duration)}
      </span>
    </div>
  );
}

function Timing() {
  const frame = pooled.value;
  const video = facts.value;
  if (frame === undefined || video === undefined) return <p class="timing">…</p>;
  const all = frame.operator + frame.conversion;
  const late = playing.value && speed.value < 0.95;
  return (
    <p class="timing" data-milliseconds={all.toFixed(2)}>
      <b>{milliseconds(all)}</b> for a pooled frame
      <small>
        operator {milliseconds(frame.operator)} + pixels {milliseconds(frame.conversion)}
        {late && `, plays at ${speed.value.toFixed(2)} of its speed`}
      </small>
    </p>
  );
}

function Export() {
  const size = pooledSize.value && evenSize(pooledSize.value.width, pooledSize.value.height);
  const work = writing.value;
  const entries: readonly { container: Container; name: string }[] = [
    { container: "webm", name: "WebM" },
    { container: "mp4", name: "MP4" },
  ];
  if (work !== undefined) {
    return (
      <div class="card export">
        <label>
          Writing {work.container === "webm" ? "WebM" : "MP4"}
          <progress value={work.part} max={1} />
        </label>
        <span class="clock">
          {Math.round(100 * work.part)} %
          {Number.isFinite(work.left) && work.part > 0.01 && `, ${clock(work.left)} left`}
        </span>
        <button type="button" class="button" onClick={stopWriting}>
          Stop
        </button>
      </div>
    );
  }
  const reasons = new Set<string>();
  for (const { container } of entries) {
    const ability = able.value?.[container];
    if (ability !== undefined && "reason" in ability) reasons.add(ability.reason);
  }
  return (
    <div class="card export">
      <p>
        The whole video, pooled:{" "}
        {size !== undefined && (
          <b>
            {size.width} × {size.height}
          </b>
        )}
      </p>
      {entries.map(({ container, name }) => {
        const ability = able.value?.[container];
        const codec = ability !== undefined && "codec" in ability ? ability.codec : undefined;
        return (
          <button
            key={container}
            type="button"
            class="button"
            disabled={codec === undefined}
            onClick={() => void save(container)}
          >
            Export {name}
            {codec !== undefined && <small>{codec.toUpperCase()}</small>}
          </button>
        );
      })}
      {[...reasons].map((reason) => (
        <p key={reason} class="hint">
          {reason}
        </p>
      ))}
    </div>
  );
}

/** The page. */
export function VideoView() {
  useEffect(() => {
    if (facts.value === undefined && !loading.value) void open(undefined);
    return () => {
      playing.value = false;
    };
  }, []);
  const frame = pooled.value;
  const { span: frames, kernel: taps } = settings.value;
  return (
    <div class="work">
      <aside>
        <Files />
        <SettingsPanel />
      </aside>
      <div class="result">
        <Message of={problem} />
        <Message of={note} kind="note" />
        {method.value === "soft" ? (
          <Temperature beta={beta}>
            <Timing />
          </Temperature>
        ) : (
          <div class="temperature alone">
            <Timing />
          </div>
        )}
        <div class="screens">
          <figure class="pane">
            <figcaption>
              <b>Original</b>
              <span class="facts">
                {facts.value && `${facts.value.width} × ${facts.value.height}`}
              </span>
            </figcaption>
            <Screen label="Original frame" bitmap={original.value} large={false} />
          </figure>
          <figure class="pane soft">
            <figcaption>
              <b>{methods.find(({ name }) => name === method.value)?.title}</b>
              <span class="facts">
                {frame && `${frame.width} × ${frame.height}`}, windows of {frames} × {taps} × {taps}
              </span>
            </figcaption>
            <Screen label="Pooled frame" bitmap={frame?.bitmap} large />
          </figure>
        </div>
        <Transport />
        <Export />
      </div>
    </div>
  );
}
