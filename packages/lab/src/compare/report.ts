/** The HTML report of a comparison: one file that needs no script and nothing from elsewhere. */
import type { Protocol } from "@softpool/pictures";
import type { Row } from "./measure.ts";
import { style } from "./style.ts";
import { bestOf, columns, inWords, type Mean, means, show } from "./summary.ts";

/** A picture as it is shown: where it comes from and what stands below it. */
export interface Shown {
  /** Data URI. */
  readonly source: string;
  /** Size in true pixels. */
  readonly width: number;
  /** Size in true pixels. */
  readonly height: number;
  /** Name of the method, or "original". */
  readonly method: string;
  /** What else is to be said. */
  readonly note: string;
}

/** The pictures of one kernel. */
export interface KernelPart {
  /** Window and stride. */
  readonly kernel: number;
  /** Results at true pixels. */
  readonly results: readonly Shown[];
  /** The part where methods differ most, magnified; the original first. */
  readonly crops: readonly Shown[];
  /** Differences from the mean of every block, at true pixels. */
  readonly differences: readonly Shown[];
}

/** One picture's part of the report. */
export interface PicturePart {
  /** Name of the picture. */
  readonly name: string;
  /** Its title. */
  readonly title: string;
  /** The original; absent where the report leaves pictures out. */
  readonly original?: Shown;
  /** Per kernel; empty where the report leaves pictures out. */
  readonly kernels: readonly KernelPart[];
  /** The numbers. */
  readonly rows: readonly Row[];
}

/** Everything a report shows. */
export interface Report {
  /** The protocol of comparison. */
  readonly protocol: Protocol;
  /** Temperature of soft, as text. */
  readonly beta: string;
  /** Engine and threads. */
  readonly engine: string;
  /** The pictures. */
  readonly pictures: readonly PicturePart[];
  /** All numbers. */
  readonly rows: readonly Row[];
  /** What went wrong, one sentence each. */
  readonly failures: readonly string[];
  /** Names and values at the foot. */
  readonly foot: readonly (readonly [string, string])[];
  /** How much brighter differences are shown. */
  readonly gain: number;
}

/** Text in HTML: markup escaped, control and direction characters shown as their code. */
export function escapeHtml(text: string): string {
  const entities: Record<string, string> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return text
    .replace(/[&<>"']/g, (c) => entities[c])
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, (c) => {
      const code = (c.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
      return `&#92;u${code}`;
    });
}

function image({ source, width, height, method, note }: Shown, extra = ""): string {
  const caption = `<b>${escapeHtml(method)}</b>${note === "" ? "" : ` ${escapeHtml(note)}`}`;
  const alt = escapeHtml(`${method} ${note}`.trim());
  return (
    `<figure style="width:${extra === "" ? `${Math.max(width, 96)}px` : "auto"}">` +
    `<img src="${source}" width="${width}" height="${height}" alt="${alt}">` +
    `<figcaption>${caption}</figcaption></figure>`
  );
}

function table(all: readonly Mean[], times: string): string {
  const head = columns
    .map(
      ({ title, light }) =>
        `<th>${title}<br>${light === "sRGB" ? "sRGB values" : "linear light"}</th>`,
    )
    .join("");
  const body = all.map((mean, i) => {
    const first = i > 0 && all[i - 1].kernel !== mean.kernel ? ' class="first"' : "";
    const cells = columns.map(({ key, title, digits }) => {
      const value = mean.values[key];
      const unit = title === "PSNR" && Number.isFinite(value) ? " dB" : "";
      const best = value === bestOf(all, mean.kernel, key) ? ' class="best"' : "";
      return `<td${best}><span>${show(value, digits)}${unit}</span></td>`;
    });
    const time = `<td>${mean.milliseconds.toFixed(2)} ms</td>`;
    const { kernel } = mean;
    return `<tr${first}><td>${kernel} × ${kernel}</td><td>${escapeHtml(mean.method)}</td>${cells.join("")}${time}</tr>`;
  });
  return (
    `<div class="scroll"><table><thead><tr><th>kernel</th><th>method</th>${head}<th>${times}</th></tr></thead>` +
    `<tbody>${body.join("\n")}</tbody></table></div>`
  );
}

function conditions({ protocol, engine, beta }: Report): string {
  return (
    `<p class="meta">Protocol <b>${escapeHtml(protocol.name)}</b>: ${escapeHtml(protocol.description)} ` +
    `Values in [0, 1], SoftPool with beta ${escapeHtml(beta)}. Engine <b>${escapeHtml(engine)}</b>.</p>`
  );
}

function picture(report: Report, part: PicturePart, index: number): string {
  const { gain } = report;
  const pieces = [`<h2 id="picture-${index}">${escapeHtml(part.title)}</h2>`];
  if (part.original !== undefined) {
    pieces.push(`<div class="true">${image(part.original)}</div>`);
  }
  pieces.push(`<h3>Similarity</h3>`, conditions(report), table(means(part.rows), "time"));
  for (const { kernel, results, crops, differences } of part.kernels) {
    pieces.push(
      `<h3>Kernel ${kernel} × ${kernel}, where the methods differ most</h3>`,
      `<div class="zoom">${crops.map((shown) => image(shown, "zoom")).join("\n")}</div>`,
    );
    if (results.length > 0) {
      pieces.push(
        `<h3>Kernel ${kernel} × ${kernel}, true pixels</h3>`,
        `<div class="row">${results.map((shown) => image(shown)).join("\n")}</div>`,
      );
    }
    if (differences.length > 0) {
      pieces.push(
        `<h3>Kernel ${kernel} × ${kernel}, difference from the mean of every block, ${gain} times</h3>`,
        `<div class="row">${differences.map((shown) => image(shown)).join("\n")}</div>`,
      );
    }
  }
  return `<section>${pieces.join("\n")}</section>`;
}

/** Renders the report. */
export function renderReport(report: Report): string {
  const { pictures, rows, failures, foot, protocol } = report;
  const all = means(rows);
  const count = pictures.length;
  const title = "What pooling does to pictures";
  const links = pictures
    .map((part, i) => `<a href="#picture-${i}">${escapeHtml(part.title)}</a>`)
    .join(" · ");
  const whole = pictures.filter((part) => part.original !== undefined).length;
  const partly = pictures.filter((part) => part.kernels.length > 0).length;
  const left =
    whole < count
      ? `<p class="note">To keep this file small, whole pictures are shown for the first ${whole} of ${count} and magnified parts for the first ${partly}; the numbers are of all.</p>`
      : "";
  const overall =
    count > 1
      ? `<section><h2>Means over ${count} pictures</h2>${conditions(report)}${table(all, "mean time")}</section>`
      : "";
  const failed =
    failures.length > 0
      ? `<section class="text"><h2>Left out</h2><ul>${failures.map((f) => `<li>${escapeHtml(f)}</li>`).join("")}</ul></section>`
      : "";
  const details = foot.map(
    ([name, value]) => `<dt>${escapeHtml(name)}</dt><dd><code>${escapeHtml(value)}</code></dd>`,
  );
  const about =
    "SSIM: Wang et al. 2004, 11 × 11 Gaussian window, sigma 1.5, on BT.601 luma, mean over the valid area. " +
    "PSNR: over all channels, peak 1, not rounded to 8 bits. The best value of each kernel is marked. " +
    "The time is the operator's alone, the median of three calls on float32 in the JavaScript heap.";
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${style}</style>
</head>
<body>
<main>
<header>
<h1>${title}</h1>
<p class="lead">${rows.length === 0 ? "No picture could be compared." : escapeHtml(inWords(all))}</p>
<p class="note">${escapeHtml(protocol.title)}. Every picture is cropped to a multiple of the kernel, pooled with stride = kernel, and compared with the original. ${about}</p>
${left}
${count > 1 ? `<nav>${links}</nav>` : ""}
</header>
${overall}
${pictures.map((part, i) => picture(report, part, i)).join("\n")}
${failed}
<footer><dl>${details.join("\n")}</dl></footer>
</main>
</body>
</html>
`;
}
