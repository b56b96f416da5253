/** The HTML report of a comparison: one file that needs no script and nothing from elsewhere. */
import type { Protocol } from "@softpool/pictures";
import type { Region } from "./images.ts";
import type { Row } from "./measure.ts";
import type { Results } from "./results.ts";
import { style } from "./style.ts";
import { bestOf, columns, inWords, type Mean, means, show } from "./summary.ts";

/** A picture as it is shown: where it comes from and what stands below it. */
export interface Shown {
  /** Data URI. */
  readonly source: string;
  /** Width on the page: true pixels, or a multiple where it is magnified. */
  readonly width: number;
  /** Height on the page. */
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
  /** The magnified part, in pixels of the original. */
  readonly region: Region;
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
  /** Whether the original is shown whole, so that the magnified parts can be marked in it. */
  readonly marked?: boolean;
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
  /** The numbers, and where they come from. */
  readonly results: Results;
  /** The pictures. */
  readonly pictures: readonly PicturePart[];
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

/** An image element; everything in it is ours or escaped. */
function pixels({ source, width, height, method, note }: Shown): string {
  const alt = escapeHtml(`${method} ${note}`.trim());
  return `<img src="${source}" width="${width}" height="${height}" alt="${alt}">`;
}

function figure(shown: Shown): string {
  const note = shown.note === "" ? "" : ` <span>${escapeHtml(shown.note)}</span>`;
  return (
    `<figure style="width:${Math.max(shown.width, 110)}px">${pixels(shown)}` +
    `<figcaption><b>${escapeHtml(shown.method)}</b>${note}</figcaption></figure>`
  );
}

/** A row of figures below a caption. */
function row(kind: "zoom" | "true", caption: string, all: readonly Shown[]): string {
  if (all.length === 0) return "";
  return `<p class="caption">${caption}</p><div class="row ${kind}">${all.map(figure).join("\n")}</div>`;
}

/** The original at true pixels, the magnified parts outlined in it and named by their kernel. */
function originalOf({ original, marked, kernels }: PicturePart): string {
  if (original === undefined) return "";
  const { width, height } = original;
  const percent = (value: number, of: number) => `${((100 * value) / of).toFixed(3)}%`;
  const marks = kernels.map(({ kernel, region }) => {
    const [left, w] = [region.x, region.width].map((value) => percent(value, width));
    const [top, h] = [region.y, region.height].map((value) => percent(value, height));
    return `<i style="left:${left};top:${top};width:${w};height:${h}"><b>${kernel}</b></i>`;
  });
  const outlined = marked ? "; outlined are the parts magnified below, by their kernel" : "";
  return (
    `<div class="scroll"><div class="original" style="width:${width}px">${pixels(original)}` +
    `${marked ? marks.join("") : ""}</div></div>` +
    `<p class="caption"><b>original</b> ${escapeHtml(original.note)}${outlined}</p>`
  );
}

function table(all: readonly Mean[], times: string): string {
  const head = columns.map(({ title, light }) => {
    return `<th>${title}<br>${light === "sRGB" ? "sRGB values" : "linear light"}</th>`;
  });
  const bodies = [...new Set(all.map((mean) => mean.kernel))].map((kernel) => {
    const lines = all
      .filter((mean) => mean.kernel === kernel)
      .map((mean, i) => {
        const cells = columns.map(({ key, title, digits }) => {
          const value = mean.values[key];
          const unit = title === "PSNR" && Number.isFinite(value) ? " dB" : "";
          const best = value === bestOf(all, kernel, key) ? ' class="best"' : "";
          return `<td${best}><span>${show(value, digits)}${unit}</span></td>`;
        });
        const name = i === 0 ? `${kernel} × ${kernel}` : "";
        const time = `<td>${mean.milliseconds.toFixed(2)} ms</td>`;
        return `<tr><td>${name}</td><td>${escapeHtml(mean.method)}</td>${cells.join("")}${time}</tr>`;
      });
    return `<tbody>${lines.join("\n")}</tbody>`;
  });
  return (
    `<div class="scroll"><table><thead><tr><th>kernel</th><th>method</th>${head.join("")}` +
    `<th>${times}</th></tr></thead>${bodies.join("\n")}</table></div>`
  );
}

function conditions({ protocol, results, beta }: Report): string {
  return (
    `<p class="meta">Protocol <b>${escapeHtml(protocol.name)}</b>: ${escapeHtml(protocol.description)} ` +
    `Values in [0, 1], SoftPool with beta ${escapeHtml(beta)}. Engine <b>${escapeHtml(results.engine)}</b>.</p>`
  );
}

function picture(report: Report, part: PicturePart, index: number): string {
  const pieces = [`<h2 id="picture-${index}">${escapeHtml(part.title)}</h2>`, originalOf(part)];
  pieces.push(conditions(report), table(means(part.rows), "time"));
  for (const { kernel, results, crops, differences, region } of part.kernels) {
    const times = crops[1].width / (region.width / kernel);
    pieces.push(
      `<h3>Kernel ${kernel} × ${kernel}</h3>`,
      row("zoom", `Where the methods differ most, pooled pixels magnified ${times} times`, crops),
      row("true", `True pixels, with SSIM and PSNR in sRGB values and in linear light`, results),
      row(
        "true",
        `Difference from the mean of every block, ${report.gain} times as bright: black where there is none`,
        differences,
      ),
    );
  }
  return `<section>${pieces.join("\n")}</section>`;
}

/** What the report leaves out, in a paragraph. */
function omissions({ pictures, results }: Report): string {
  const whole = pictures.filter((part) => part.original !== undefined).length;
  const partly = pictures.filter((part) => part.kernels.length > 0).length;
  const count = pictures.length;
  const sentences = [
    results.interrupted
      ? "The comparison was interrupted; these are the pictures it had done."
      : "",
    whole < count
      ? `To keep this file small, whole pictures are shown for the first ${whole} of ${count} and magnified parts for the first ${partly}; the numbers are of all.`
      : "",
  ].filter((sentence) => sentence !== "");
  return sentences.length === 0 ? "" : `<p class="note">${sentences.join(" ")}</p>`;
}

/** Renders the report. */
export function renderReport(report: Report): string {
  const { pictures, results, protocol } = report;
  const { rows, failures } = results;
  const count = pictures.length;
  const title = "What pooling does to pictures";
  const links = pictures.map((part, i) => `<a href="#picture-${i}">${escapeHtml(part.title)}</a>`);
  const nav = count > 1 ? `<nav>${links.join(" · ")}</nav>` : "";
  const overall =
    count > 1
      ? `<section><h2>Means over ${count} pictures</h2>${conditions(report)}${table(results.means, "mean time")}</section>`
      : "";
  const failed =
    failures.length > 0
      ? `<section class="text"><h2>Left out</h2><ul>${failures.map((f) => `<li>${escapeHtml(f)}</li>`).join("")}</ul></section>`
      : "";
  const lead = rows.length === 0 ? "No picture was compared." : inWords(results.means, rows);
  const about =
    "Every picture is cropped to a multiple of the kernel and pooled with stride = kernel; sum and " +
    "power-average go beyond 1, are scored so and shown clipped. The best value of each kernel is " +
    "marked. The time is the operator's alone, in the engine's memory, the fastest of several calls.";
  const foot: [string, string][] = [
    ["Command", results.command],
    ["Versions", results.versions],
    ["Machine", results.machine],
    ["Made", results.made],
  ];
  const details = foot.map(
    ([name, value]) => `<dt>${escapeHtml(name)}</dt><dd><code>${escapeHtml(value)}</code></dd>`,
  );
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
<p class="lead">${escapeHtml(lead)}</p>
<p class="note">${escapeHtml(protocol.title)}. ${about}</p>
${omissions(report)}
${nav}
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
