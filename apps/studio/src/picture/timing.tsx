/** How long the last step of SoftPool took. */
import { megapixels, milliseconds } from "../format.ts";
import { engineFor, source, states } from "./state.ts";

/** Operator and conversion, of the picture that is shown. */
export function Timing() {
  const pooled = states.soft.pooled.value;
  const picture = source.value;
  if (pooled === undefined || picture === undefined) return <p class="timing">…</p>;
  const { operator, conversion } = pooled;
  const engine = engineFor("soft") === "wasm" ? "WebAssembly" : "WebGPU";
  return (
    <p class="timing" data-milliseconds={(operator + conversion).toFixed(2)}>
      <b>{milliseconds(operator + conversion)}</b> for {megapixels(picture.width, picture.height)}
      <small>
        operator {milliseconds(operator)} ({engine}) + pixels {milliseconds(conversion)}
      </small>
    </p>
  );
}
