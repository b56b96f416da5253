/** The temperature's slider, from average over SoftPool to maximum. */
import type { Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { temperature } from "../format.ts";
import { betaAt, parseBeta, placeOf } from "./beta.ts";

const STEPS = 1000;

/** The slider with its value, also as a number to type; beside it what the page wants to say. */
export function Temperature({
  beta,
  children,
}: {
  beta: Signal<number>;
  children: ComponentChildren;
}) {
  const id = useId();
  const value = beta.value;
  const place = placeOf(value);
  return (
    <div class="temperature">
      <div class="reading">
        <label for={id}>
          Temperature <i>β</i>
        </label>
        <input
          class="exact"
          type="text"
          inputMode="text"
          aria-label="Temperature as a number, inf or -inf"
          value={temperature(value)}
          onChange={(event) => {
            const given = parseBeta(event.currentTarget.value);
            if (given !== undefined) beta.value = given;
            event.currentTarget.value = temperature(beta.value);
          }}
        />
      </div>
      <div class="track">
        <input
          id={id}
          type="range"
          min={0}
          max={STEPS}
          step={1}
          value={Math.round(place * STEPS)}
          style={{ "--part": `${place * 100}%` }}
          aria-valuetext={`β ${temperature(value)}`}
          onInput={(event) => {
            beta.value = betaAt(Number(event.currentTarget.value) / STEPS);
          }}
        />
        <div class="marks">
          <button type="button" onClick={() => (beta.value = 0)}>
            average <small>β = 0</small>
          </button>
          <button type="button" onClick={() => (beta.value = 1)}>
            SoftPool <small>β = 1</small>
          </button>
          <button type="button" onClick={() => (beta.value = Number.POSITIVE_INFINITY)}>
            maximum <small>β = ∞</small>
          </button>
        </div>
      </div>
      {children}
    </div>
  );
}
