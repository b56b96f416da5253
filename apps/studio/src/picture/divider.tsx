/** Two pictures in one pane, parted by a line that can be dragged. */
import { useSignal } from "@preact/signals";
import { Select } from "../ui/controls.tsx";
import { drawLayer } from "./draw.ts";
import { methods } from "./methods.ts";
import { layerOf, nameOf, Stage } from "./pane.tsx";
import { protocol, type Subject, sides, source } from "./state.ts";

const subjects: readonly { value: Subject; name: string }[] = [
  { value: "original", name: "Original" },
  ...methods.map(({ name, title }) => ({ value: name, name: title })),
];

/** The pane with the divider. */
export function Divider() {
  const place = useSignal(0.5);
  const picture = source.value;
  if (picture === undefined) return null;
  const [left, right] = sides.value;
  const layers = [layerOf(left, picture), layerOf(right, picture)] as const;
  const smooth = protocol.value === "bilinear" || protocol.value === "bicubic";
  const part = place.value;
  const move = (event: PointerEvent) => {
    const box = (event.currentTarget as HTMLElement).parentElement?.getBoundingClientRect();
    if (box === undefined || event.buttons === 0) return;
    place.value = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  };
  return (
    <div class="divided">
      <div class="pair">
        <Select
          label="Left"
          options={subjects}
          value={left}
          onChange={(value) => {
            sides.value = [value, right];
          }}
        />
        <Select
          label="Right"
          options={subjects}
          value={right}
          onChange={(value) => {
            sides.value = [left, value];
          }}
        />
      </div>
      <div class="view large">
        <Stage
          label={`${nameOf(left)} on the left of the divider, ${nameOf(right)} on the right`}
          picture={picture}
          draw={(context, frame) => {
            const edge = frame.width * part;
            for (const [i, layer] of layers.entries()) {
              if (layer === undefined) continue;
              context.save();
              context.beginPath();
              context.rect(i === 0 ? 0 : edge, 0, i === 0 ? edge : frame.width, frame.height);
              context.clip();
              drawLayer(context, layer, frame, smooth);
              context.restore();
            }
          }}
        />
        <span class="tag left">{nameOf(left)}</span>
        <span class="tag right">{nameOf(right)}</span>
        <div
          class="divider"
          style={{ left: `${part * 100}%` }}
          role="slider"
          tabIndex={0}
          aria-label="Divider"
          aria-valuemin={0}
          aria-valuemax={100}
          aria-valuenow={Math.round(part * 100)}
          aria-valuetext={`${Math.round(part * 100)} % ${nameOf(left)}`}
          onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
          onPointerMove={move}
          onKeyDown={(event) => {
            const step = { ArrowLeft: -0.02, ArrowRight: 0.02, Home: -1, End: 1 }[event.key];
            if (step === undefined) return;
            event.preventDefault();
            place.value = Math.min(1, Math.max(0, part + step));
          }}
        >
          <i />
        </div>
      </div>
    </div>
  );
}
