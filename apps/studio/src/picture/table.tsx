/** The numbers of all methods: similarity in both lights, and time by engine. */
import { graphics } from "../environment.ts";
import { decibels, milliseconds, similarity } from "../format.ts";
import { type MethodName, methods } from "./methods.ts";
import { measureKey, states, wanted } from "./state.ts";

const measures = [
  { key: "ssim", name: "SSIM", of: "sRGB", show: similarity },
  { key: "ssimLinear", name: "SSIM", of: "linear light", show: similarity },
  { key: "psnr", name: "PSNR, dB", of: "sRGB", show: decibels },
  { key: "psnrLinear", name: "PSNR, dB", of: "linear light", show: decibels },
] as const;

/** What is measured of a method under the present settings. */
function measuredOf(name: MethodName) {
  const { likeness } = states[name];
  return likeness.value?.key === measureKey(name) ? likeness.value : undefined;
}

/** The table. */
export function NumbersTable() {
  const rows = methods.filter(({ name }) => wanted.value.has(name));
  const gpu = graphics.value?.present === true;
  const best = measures.map(({ key }) =>
    Math.max(...rows.map(({ name }) => measuredOf(name)?.[key] ?? Number.NEGATIVE_INFINITY)),
  );
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys
    <section class="scroll" aria-label="Numbers" tabIndex={0}>
      <table class="measures">
        <caption>
          Similarity to the original, and time of the operator. The best of a column is marked.
        </caption>
        <thead>
          <tr>
            <th scope="col" class="name">
              Method
            </th>
            {measures.map(({ key, name, of }) => (
              <th scope="col" key={key}>
                {name}
                <small>{of}</small>
              </th>
            ))}
            <th scope="col">
              Time<small>WebAssembly</small>
            </th>
            {gpu && (
              <th scope="col">
                Time<small>WebGPU</small>
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ name, title, summary }) => {
            const measured = measuredOf(name);
            const { wasm, webgpu } = states[name].times.value;
            const pending = states[name].error.value === undefined ? "…" : "–";
            return (
              <tr key={name}>
                <th scope="row" class="name">
                  {title} <small>{summary}</small>
                </th>
                {measures.map(({ key, show }, i) => (
                  <td key={key} class={measured?.[key] === best[i] ? "best" : ""}>
                    {measured === undefined ? pending : show(measured[key])}
                  </td>
                ))}
                <td>{wasm === undefined ? "–" : milliseconds(wasm)}</td>
                {gpu && <td>{webgpu === undefined ? "–" : milliseconds(webgpu)}</td>}
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}
