/** The controls of the page: what they share is labels, focus and size. */
import type { Signal } from "@preact/signals";
import type { Light } from "@softpool/pictures";
import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";

/** A choice of a few, side by side. */
export function Choice<T extends string>(props: {
  label: string;
  options: readonly { value: T; name: string; disabled?: boolean; title?: string }[];
  value: T;
  onChange: (value: T) => void;
  quiet?: boolean;
}) {
  const group = useId();
  return (
    <fieldset class={`choice ${props.quiet ? "quiet" : ""}`}>
      <legend>{props.label}</legend>
      <div>
        {props.options.map(({ value, name, disabled, title }) => (
          <label key={value} title={title} class={disabled ? "disabled" : ""}>
            <input
              type="radio"
              name={group}
              value={value}
              checked={value === props.value}
              disabled={disabled}
              onChange={() => props.onChange(value)}
            />
            {name}
          </label>
        ))}
      </div>
    </fieldset>
  );
}

/** A choice of many, in a list that opens. */
export function Select<T extends string>(props: {
  label: string;
  options: readonly { value: T; name: string }[];
  value: T;
  onChange: (value: T) => void;
  hint?: string;
}) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      <select
        id={id}
        value={props.value}
        onChange={(event) => props.onChange(event.currentTarget.value as T)}
      >
        {props.options.map(({ value, name }) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
      </select>
      {props.hint && <small>{props.hint}</small>}
    </div>
  );
}

/** A whole number between two bounds: a slider with its value. */
export function Whole(props: {
  label: string;
  value: number;
  min: number;
  max: number;
  onChange: (value: number) => void;
}) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>
        {props.label} <output for={id}>{props.value}</output>
      </label>
      <input
        id={id}
        type="range"
        min={props.min}
        max={props.max}
        step={1}
        value={props.value}
        style={{ "--part": `${(100 * (props.value - props.min)) / (props.max - props.min)}%` }}
        onInput={(event) => props.onChange(Number(event.currentTarget.value))}
      />
    </div>
  );
}

/** A switch. */
export function Switch(props: {
  label: string;
  value: boolean;
  onChange: (value: boolean) => void;
}) {
  return (
    <label class="switch">
      <input
        type="checkbox"
        checked={props.value}
        onChange={(event) => props.onChange(event.currentTarget.checked)}
      />
      <span>{props.label}</span>
    </label>
  );
}

/** A button that opens the file picker. */
export function FileButton(props: {
  label: string;
  accept: string;
  multiple?: boolean;
  primary?: boolean;
  capture?: "environment";
  onFiles: (files: File[]) => void;
}) {
  return (
    <label class={`button ${props.primary ? "primary" : ""}`}>
      <input
        type="file"
        accept={props.accept}
        multiple={props.multiple}
        capture={props.capture}
        onChange={(event) => {
          const files = [...(event.currentTarget.files ?? [])];
          // The same file may be picked again.
          event.currentTarget.value = "";
          if (files.length > 0) props.onFiles(files);
        }}
      />
      {props.label}
    </label>
  );
}

/** A sentence that something went wrong, or is worth knowing. */
export function Notice(props: {
  kind: "error" | "note";
  children: ComponentChildren;
  onClose?: () => void;
}) {
  return (
    <div class={`notice ${props.kind}`} role={props.kind === "error" ? "alert" : "status"}>
      <p>{props.children}</p>
      {props.onClose && (
        <button type="button" class="close" aria-label="Close this message" onClick={props.onClose}>
          ×
        </button>
      )}
    </div>
  );
}

/** Settings that can be folded away; on a narrow screen they begin so. */
export function Panel(props: { title: string; children: ComponentChildren }) {
  const [open] = useState(() => matchMedia("(min-width: 901px)").matches);
  return (
    <details class="settings" open={open}>
      <summary>{props.title}</summary>
      <div>{props.children}</div>
    </details>
  );
}

/** What a signal says went wrong, or is worth knowing, until it is closed. */
export function Message(props: { of: Signal<string | undefined>; kind?: "error" | "note" }) {
  const { of, kind = "error" } = props;
  if (of.value === undefined) return null;
  const close = () => {
    of.value = undefined;
  };
  return (
    <Notice kind={kind} onClose={close}>
      {of.value}
    </Notice>
  );
}

/** What is pooled: values as they are stored, or amounts of light. */
export function LightChoice({ light }: { light: Signal<Light> }) {
  return (
    <Choice
      label="Light"
      value={light.value}
      options={[
        { value: "srgb", name: "sRGB", title: "The values as they are stored are pooled" },
        { value: "linear", name: "linear", title: "Amounts of light are pooled" },
      ]}
      onChange={(value) => {
        light.value = value;
      }}
    />
  );
}
