/** The table of a model's pooling layers: name, kind, window, input shape, and what is done. */
import { formatShape, type PoolWindow } from "@softpool/onnx";
import { type Decision, describeWindow } from "@softpool/poolings";

/** A row of the table, and what `--json` shows of a layer. */
export interface LayerRow {
  /** The layer's name. */
  readonly name: string;
  /** What it is. */
  readonly kind: string;
  /** Its window in words. */
  readonly window: string;
  /** Its input's shape; `unknown` when it is not known. */
  readonly input: string;
  /** What is done: the method that comes, `refused` or `kept`. */
  readonly action: string;
  /** Why it is refused or kept. */
  readonly reason: string;
}

/** Text of a file made harmless for a terminal. */
export function plainText(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, "?");
}

/** The rows of a plan. */
export function rowsOf(decisions: readonly Decision[], to: string): LayerRow[] {
  return decisions.map(({ layer, action, reason, window }) => {
    const before = describeWindow(layer.window, layer.counted);
    const after = window === undefined ? before : describeWindow(window);
    const changed =
      action === "replace" && window !== undefined && !sameWindow(layer.window, window);
    return {
      name: layer.name,
      kind: layer.kind,
      window: before,
      input: formatShape(layer.input),
      action:
        action === "replace"
          ? changed
            ? `${to} ${after}`
            : to
          : `${action === "keep" ? "kept" : "refused"}`,
      reason,
    };
  });
}

function sameWindow(a: PoolWindow | undefined, b: PoolWindow): boolean {
  return String(a?.kernel) === String(b.kernel);
}

/** The table as text, columns aligned. */
export function renderLayers(rows: readonly LayerRow[]): string {
  const head = ["layer", "kind", "window", "input", "becomes"];
  const lines = rows.map(({ name, kind, window, input, action, reason }) =>
    [name, kind, window, input, reason === "" ? action : `${action}: ${reason}`].map(plainText),
  );
  const shown = [head, ...lines];
  const widths = head.map((_, i) => Math.max(...shown.map((line) => line[i].length)));
  return shown
    .map((line) =>
      line
        .map((text, i) => (i === line.length - 1 ? text : text.padEnd(widths[i])))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
