/** The HTML report of a comparison: one file that needs no script and nothing from elsewhere. */
import type { Protocol } from "@softpool/pictures";
import { type Content, type Html, html } from "../report/html.ts";
import { heading, list, note, renderPage, type Section } from "../report/page.ts";
import { outlinedPicture, pictureRow, type Shown } from "../report/pictures.ts";
import { type Column, table } from "../report/table.ts";
import type { Region } from "./images.ts";
import type { Row } from "./measure.ts";
import type { Results } from "./results.ts";
import { columns, inWords, type Mean, means } from "./summary.ts";

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

/** The original at true pixels, the magnified parts outlined in it and named by their kernel. */
function originalOf({ original, marked, kernels }: PicturePart): Content {
  if (original === undefined) return undefined;
  const outlines = kernels.map(({ kernel, region }) => ({ ...region, label: String(kernel) }));
  return outlinedPicture(original, marked ? outlines : []);
}

/** The numbers of every kernel and method, the best of a kernel marked. */
function numbers(all: readonly Mean[], times: string): Html {
  const measures = columns.map(
    ({ title, light, digits }): Column => ({
      title,
      digits,
      group: light === "sRGB" ? "sRGB values" : "linear light",
      best: "largest",
      ...(title === "PSNR" ? { unit: "dB" } : {}),
    }),
  );
  const kernels = [...new Set(all.map((mean) => mean.kernel))];
  const rows = (kernel: number) =>
    all
      .filter((mean) => mean.kernel === kernel)
      .map(({ method, values, milliseconds }) => [
        `${kernel} × ${kernel}`,
        method,
        ...columns.map(({ key }) => values[key]),
        milliseconds,
      ]);
  return table({
    columns: [
      { title: "kernel", words: true },
      { title: "method", words: true },
      ...measures,
      { title: times, unit: "ms", digits: 2 },
    ],
    groups: kernels.map((kernel) => ({ rows: rows(kernel) })),
  });
}

function conditions({ protocol, results, beta }: Report): Html {
  return html`<p class="meta">Protocol <b>${protocol.name}</b>: ${protocol.description} Values in [0, 1], SoftPool with beta ${beta}. Engine <b>${results.engine}</b>.</p>
`;
}

function picture(report: Report, part: PicturePart): Section {
  const kernels = part.kernels.map(({ kernel, results, crops, differences, region }) => {
    const times = crops[1].width / (region.width / kernel);
    return [
      heading(`Kernel ${kernel} × ${kernel}`),
      pictureRow(
        "zoom",
        `Where the methods differ most, pooled pixels magnified ${times} times`,
        crops,
      ),
      pictureRow(
        "true",
        "True pixels, with SSIM and PSNR in sRGB values and in linear light",
        results,
      ),
      pictureRow(
        "true",
        `Difference from the mean of every block, ${report.gain} times as bright: black where there is none`,
        differences,
      ),
    ];
  });
  const body = [originalOf(part), conditions(report), numbers(means(part.rows), "time"), kernels];
  return { title: part.title, body };
}

/** What the report leaves out, in a paragraph. */
function omissions({ pictures, results }: Report): Html {
  const whole = pictures.filter((part) => part.original !== undefined).length;
  const partly = pictures.filter((part) => part.kernels.length > 0).length;
  const count = pictures.length;
  return note(
    results.interrupted && "The comparison was interrupted; these are the pictures it had done.",
    whole < count &&
      `To keep this file small, whole pictures are shown for the first ${whole} of ${count} and magnified parts for the first ${partly}; the numbers are of all.`,
  );
}

/** Renders the report. */
export function renderReport(report: Report): string {
  const { pictures, results, protocol } = report;
  const { rows, failures } = results;
  const count = pictures.length;
  const about =
    "Every picture is cropped to a multiple of the kernel and pooled with stride = kernel; sum and " +
    "power-average go beyond 1, are scored so and shown clipped. The best value of each kernel is " +
    "marked. The time is the operator's alone, in the engine's memory, the fastest of several calls.";
  const sections: Section[] = pictures.map((part) => picture(report, part));
  if (count > 1) {
    const body = [conditions(report), numbers(results.means, "mean time")];
    sections.unshift({ title: `Means over ${count} pictures`, body });
  }
  if (failures.length > 0) sections.push({ title: "Left out", body: list(failures) });
  return renderPage({
    title: "What pooling does to pictures",
    lead: rows.length === 0 ? "No picture was compared." : inWords(results.means, rows),
    notes: [note(`${protocol.title}.`, about), omissions(report)],
    sections,
    foot: [
      ["Command", results.command],
      ["Versions", results.versions],
      ["Machine", results.machine],
      ["Made", results.made],
    ],
  });
}
