/**
 * The report of a latency study: machine by machine, never mixed, what of the paper's claims holds; then for
 * every shape and engine times, ratios and memory, by kernel, with warm-up and drift, and what is not there.
 */
import { dotPanels } from "../report/dots.ts";
import { figures } from "../report/frame.ts";
import { type Content, type Html, html } from "../report/html.ts";
import { lines } from "../report/lines.ts";
import { heading, list, note, paragraph, renderPage, type Section } from "../report/page.ts";
import { type Cell, type Column, table } from "../report/table.ts";
import { median } from "../statistics/quantile.ts";
import type { BrokenFile } from "../study/store.ts";
import { byEngine, findings, kernelRange, publishedFinding, ranking } from "./findings.ts";
import { machineTitle, machineVersions } from "./machine.ts";
import { type Direction, directions, engineTitle, isOnProcessor } from "./place.ts";
import { publishedRatio, publishedTimes } from "./published.ts";
import { spread } from "./result.ts";
import { type Block, BUSY, blocksOf, type LatencyRow, type MachinePart } from "./rows.ts";

/** Digits of times and of ratios. */
const [TIME, RATIO] = [3, 2];

/** Bytes in MiB. */
const inMiB = (bytes: number): number => bytes / 2 ** 20;

const shapeTitle = (shape: readonly number[]): string => shape.join(" × ");

/** Whether the paper has times of a method. */
const inPaper = (method: string): boolean => publishedTimes.some((row) => row.method === method);

const measured = (
  row: LatencyRow | undefined,
): row is LatencyRow & Required<Pick<LatencyRow, "times" | "figures">> =>
  row?.figures !== undefined;

/** Directions that a block has. */
function directionsOf(block: Block): Direction[] {
  return directions.filter((direction) =>
    block.methods.some((method) =>
      block.kernels.some((kernel) => block.row(method, kernel, direction) !== undefined),
    ),
  );
}

/** What a block is judged by, where that is not the time that passed. */
const basisOf = ({ basis }: Block): string => (basis === "processor" ? ", processor time" : "");

/** Times, ratios and memory at the smallest kernel, with the paper's ratios beside them. */
function timesTable(block: Block, direction: Direction): Html {
  const [kernel] = block.kernels;
  const onProcessor = isOnProcessor(block.engine);
  const column = onProcessor ? "cpu" : "cuda";
  const columns: Column[] = [
    { title: "method", words: true },
    { title: "time", under: "ms", digits: TIME, bounds: "quartiles" },
    { title: "× average", digits: RATIO, bounds: "quartiles" },
    { title: "processor", under: "ms", digits: TIME },
    { title: "processor", under: "× average", digits: RATIO },
    { title: "memory", under: "MiB", digits: 2 },
    { title: column === "cpu" ? "paper, CPU" : "paper, CUDA", under: "× average", digits: RATIO },
  ];
  const rows = block.measured.map((method): Cell[] => {
    const row = block.row(method, kernel, direction);
    const paper = publishedRatio(method, direction, column);
    if (!measured(row)) return [method, ...Array.from({ length: 5 }, () => undefined), paper];
    const { memory } = row.times;
    const { time, ratio, processor, processorRatio } = row.figures;
    const used = [processor.value, processorRatio.value];
    return [method, time, ratio, ...used, memory === null ? undefined : inMiB(memory.bytes), paper];
  });
  return table({
    caption: `${direction === "forward" ? "Forward" : "Backward"}, kernel ${kernel}: milliseconds of a call, median and quartiles of the rounds; ratio to average pooling in the same round; the same of processor time, all threads together; memory beyond inputs and results`,
    columns,
    groups: [{ rows }],
  });
}

/** Ratios to average pooling by kernel. */
function ratioTable(block: Block): Html | undefined {
  if (block.kernels.length < 2) return undefined;
  const shown = directionsOf(block);
  const columns: Column[] = [
    { title: "method", words: true },
    ...shown.flatMap((direction) =>
      block.kernels.map(
        (kernel): Column => ({
          title: String(kernel),
          group: `${direction}, × average`,
          digits: RATIO,
        }),
      ),
    ),
  ];
  const rows = block.measured.map((method): Cell[] => [
    method,
    ...shown.flatMap((direction) =>
      block.kernels.map((kernel) => block.judged(method, kernel, direction)?.ratio.value),
    ),
  ]);
  return table({
    caption: `By kernel: the median ratio to average pooling of the same kernel${basisOf(block)}`,
    columns,
    groups: [{ rows }],
  });
}

/** Milliseconds by kernel. */
function timeTable(block: Block): Html | undefined {
  if (block.kernels.length < 2) return undefined;
  const shown = directionsOf(block);
  const all = shown.flatMap((direction) =>
    block.measured.flatMap((method) =>
      block.kernels.flatMap((k) => block.judged(method, k, direction)?.time.value ?? []),
    ),
  );
  const digits = Math.min(...all) < 0.1 ? TIME : 2;
  const columns: Column[] = [
    { title: "method", words: true },
    ...shown.flatMap((direction) => [
      ...block.kernels.map(
        (kernel): Column => ({ title: String(kernel), group: `${direction}, ms`, digits }),
      ),
      {
        title: `${block.kernels[block.kernels.length - 1]} / ${block.kernels[0]}`,
        group: `${direction}, ms`,
        digits: RATIO,
      },
    ]),
  ];
  const rows = block.measured.map((method): Cell[] => [
    method,
    ...shown.flatMap((direction): Cell[] => [
      ...block.kernels.map((kernel) => block.judged(method, kernel, direction)?.time.value),
      kernelRange(block, method, direction)?.change,
    ]),
  ]);
  return table({
    caption: `By kernel: median milliseconds, and the largest kernel's over the smallest's${basisOf(block)}`,
    columns,
    groups: [{ rows }],
  });
}

/** Lines of the paper's methods over the kernel, with bands of quartiles. */
function kernelPlot(block: Block, direction: Direction): Html {
  const methods = block.measured.filter(
    (method) =>
      inPaper(method) && block.kernels.some((k) => measured(block.row(method, k, direction))),
  );
  return lines({
    title: `${direction}, by kernel${basisOf(block)}`,
    size: "half",
    x: { label: "kernel", ticks: block.kernels },
    y: { label: "time of a call", unit: "ms", log: true },
    series: methods.map((name) => ({
      name,
      points: block.kernels.map((kernel) => {
        const { value, low, high } = block.judged(name, kernel, direction)?.time ?? {};
        return { x: kernel, y: value, low, high };
      }),
    })),
  });
}

/** Ratios of all methods at the smallest kernel, with quartiles. */
function ratioPlot(block: Block): Html {
  const [kernel] = block.kernels;
  return dotPanels({
    axis: { label: "× average pooling", log: true, include: [1] },
    reference: "average",
    panels: directionsOf(block).map((direction) => ({
      title: `${direction}, kernel ${kernel}${basisOf(block)}`,
      size: "half" as const,
      values: block.measured.map((name) => {
        const { value, low, high } = block.judged(name, kernel, direction)?.ratio ?? {};
        return { name, value, low, high };
      }),
    })),
  });
}

/** Warm-up and drift at the smallest kernel, and how busy others kept the machine. */
function roundsTable(block: Block): Html {
  const [kernel] = block.kernels;
  const shown = directionsOf(block);
  const columns: Column[] = [
    { title: "method", words: true },
    ...shown.flatMap((direction): Column[] => [
      { title: "rounds", group: direction },
      { title: "first call", under: "× median", group: direction, digits: 1 },
      { title: "drift", under: "last / first third", group: direction, digits: RATIO },
      { title: "others busy", under: "%", group: direction, digits: 0 },
    ]),
  ];
  const rows = block.measured.flatMap((method): Cell[][] => {
    const cells = shown.map((direction) => block.row(method, kernel, direction));
    if (!cells.some(measured)) return [];
    return [
      [
        method,
        ...cells.flatMap((row): Cell[] => {
          if (!measured(row)) return [undefined, undefined, undefined, undefined];
          const { first, drift } = row.figures;
          return [row.times.own.length, first, drift, 100 * row.times.busy];
        }),
      ],
    ];
  });
  return table({ caption: `Warm-up and drift, kernel ${kernel}`, columns, groups: [{ rows }] });
}

/** Cells that drifted. */
function driftNote(block: Block, rows: readonly LatencyRow[]): Html | undefined {
  const own = rows.filter(
    (row) =>
      row.engine === block.engine &&
      row.threads === block.threads &&
      row.shape.join() === block.shape.join(),
  );
  const timed = own.filter(measured);
  const drifted = timed.filter(({ figures }) => figures.drifted);
  if (drifted.length === 0) return undefined;
  const some = drifted
    .slice(0, 8)
    .map(
      ({ method, kernel, direction, figures: { drift } }) =>
        `${method} ${direction} at kernel ${kernel} (${drift.toFixed(RATIO)})`,
    );
  const more = drifted.length > some.length ? ` and ${drifted.length - some.length} more` : "";
  return note(
    `Drift: in ${drifted.length} of ${timed.length} cells the last third of the rounds differs from the first by more than 10 %: ${some.join(", ")}${more}. Their ratios are taken round by round and suffer less.`,
  );
}

/** What a block lacks, and why. */
function absences(block: Block): Html | undefined {
  const reasons = new Map<string, Set<string>>();
  for (const method of block.methods) {
    for (const kernel of block.kernels) {
      for (const direction of directions) {
        const reason = block.row(method, kernel, direction)?.reason;
        if (reason === undefined) continue;
        const general = reason.replace(`no method ${method}`, "no such method");
        const where = general === reason ? `${method} ${direction} at kernel ${kernel}` : method;
        reasons.set(general, (reasons.get(general) ?? new Set()).add(where));
      }
    }
  }
  if (reasons.size === 0) return undefined;
  const items = [...reasons].map(([reason, places]) => {
    const all = [...places];
    const more = all.length > 12 ? ` and ${all.length - 12} more cells` : "";
    return `${all.slice(0, 12).join(", ")}${more}: ${reason}`;
  });
  return html`${note("Not measured:")}${list(items)}`;
}

/** A block: one engine and number of threads at one shape. */
function blockPart(block: Block, rows: readonly LatencyRow[]): Content {
  const shown = directionsOf(block);
  if (block.measured.length === 0) return [heading(block.title), absences(block)];
  return [
    heading(block.title),
    shown.map((direction) => timesTable(block, direction)),
    ratioPlot(block),
    block.kernels.length > 1 &&
      figures("half", ...shown.map((direction) => kernelPlot(block, direction))),
    ratioTable(block),
    timeTable(block),
    roundsTable(block),
    driftNote(block, rows),
    absences(block),
  ];
}

/** What of the claims holds in a direction: a table with a row for every engine and shape. */
function claimsTable(blocks: readonly Block[], direction: Direction): Html | undefined {
  const compared = ["soft", "average", "maximum"];
  const columns: Column[] = [
    { title: "input", words: true },
    { title: "engine", words: true },
    { title: "soft", under: "× average", digits: RATIO, bounds: "quartiles" },
    { title: "place of soft", words: true },
    ...compared.map(
      (method): Column => ({ title: method, group: "last / first kernel", digits: RATIO }),
    ),
  ];
  const rows = blocks.flatMap((block): Cell[][] => {
    const [kernel] = block.kernels;
    const order = ranking(block, kernel, direction);
    const at = order.indexOf("soft") + 1;
    if (at === 0) return [];
    return [
      [
        shapeTitle(block.shape),
        `${block.title}${block.trusted ? "" : ", busy: not judged"}`,
        block.judged("soft", kernel, direction)?.ratio,
        `${at} of ${order.length}`,
        ...compared.map((method) => kernelRange(block, method, direction)?.change),
      ],
    ];
  });
  if (rows.length === 0) return undefined;
  const paper = (["cpu", "cuda"] as const).map((column): Cell[] => {
    const at = direction === "forward" ? 0 : 1;
    const order = [...publishedTimes].sort((a, b) => a[column][at] - b[column][at]);
    const place = order.findIndex(({ method }) => method === "soft") + 1;
    const ratio = publishedRatio("soft", direction, column);
    const title = column === "cpu" ? "CPU" : "CUDA";
    return ["the paper", title, ratio, `${place} of ${order.length}`];
  });
  return table({
    caption: `SoftPool ${direction} at the smallest kernel, its place among those methods of the paper that the engine has, and how times change from the smallest to the largest kernel (1: no change)${blocks.some(({ basis }) => basis === "processor") ? "; with one thread by processor time" : ""}`,
    columns,
    groups: [{ rows, aside: paper }],
  });
}

/** How busy the machine was. */
function busyNote(rows: readonly LatencyRow[]): string {
  const busy = rows.flatMap(({ times }) => (times === undefined ? [] : [times.busy]));
  if (busy.length === 0) return "";
  const { value, low, high } = spread(busy.map((share) => 100 * share));
  const words = `Others kept the processors ${value.toFixed(0)} % busy meanwhile (quartiles ${low.toFixed(0)} to ${high.toFixed(0)} %).`;
  return median(busy) > BUSY
    ? `${words} On a machine at rest times are shorter. Where others are that busy, cells with one thread are judged by the processor time of their process, others not at all.`
    : words;
}

/** How far average pooling is from itself: what is left of noise in a ratio. */
function noiseNote(rows: readonly LatencyRow[]): string {
  const own = rows.flatMap(({ method, figures }) =>
    method === "average" && figures !== undefined ? [figures] : [],
  );
  if (own.length === 0) return "";
  const quartiles = (values: readonly number[]) => {
    const { low, high } = spread(values);
    return `${low.toFixed(RATIO)} to ${high.toFixed(RATIO)}`;
  };
  const elapsed = quartiles(own.map(({ ratio }) => ratio.value));
  const used = quartiles(own.map(({ processorRatio }) => processorRatio.value));
  return `Average pooling timed against itself gives ratios of ${elapsed}, of processor time ${used} (quartiles of ${own.length} cells): what noise is left in a ratio.`;
}

/** The sections of a machine. */
function machineSections(part: MachinePart, several: boolean): Section[] {
  const { machine, rows, engines } = part;
  const blocks = blocksOf(rows);
  const title = machineTitle(machine);
  const suffix = several ? `, ${title}` : "";
  const timed = new Set(rows.filter(measured).map(({ engine }) => engine));
  const states = engines.flatMap(({ engine, present, note: words }) => {
    if (present) return words === "" ? [] : [`${engineTitle(engine)}: ${words}`];
    return timed.has(engine) ? [] : [`${engineTitle(engine)} is not there: ${words}`];
  });
  const summary: Content = [
    several ? paragraph(html`<b>${title}</b>, ${machineVersions(machine)}.`) : undefined,
    directions.map((direction) => claimsTable(blocks, direction)),
    byEngine(blocks).map((one) => [heading(one.title), list(findings(one))]),
    heading("Read with this"),
    paragraph(publishedFinding()),
    note(busyNote(rows), noiseNote(rows)),
    states.length > 0 && list(states),
  ];
  const shapes = [...new Set(blocks.map(({ shape }) => shapeTitle(shape)))];
  return [
    { title: `What of the paper's claims holds${suffix}`, body: summary },
    ...shapes.map(
      (shape): Section => ({
        title: `${shape}${suffix}`,
        body: blocks
          .filter((block) => shapeTitle(block.shape) === shape)
          .map((block) => blockPart(block, rows)),
      }),
    ),
  ];
}

/** The paragraph above all. */
function leadOf(parts: readonly MachinePart[]): string {
  const rows = parts.flatMap(({ rows }) => rows);
  const timed = rows.filter(measured).length;
  const machines = parts.length === 1 ? "one machine" : `${parts.length} machines, never mixed`;
  return (
    `What poolings cost: ${timed} cells timed on ${machines}, ${rows.length - timed} that cannot be and say why. ` +
    `Each cell had a fresh process, in which the method and average pooling were called in turns.`
  );
}

/** Renders the report. */
export function renderLatency(
  parts: readonly MachinePart[],
  broken: readonly BrokenFile[] = [],
): string {
  const several = parts.length > 1;
  return renderPage({
    title: "Latency of poolings",
    lead: leadOf(parts),
    notes: [
      note(
        "Inputs are float32, uniform in [0, 1), stride = kernel. Forward is the form for inference, in which random methods draw nothing. Backward is the form for training: from the input and the gradient of the output to the gradient of the input and of what is learned; what it needs of the forward it computes, random numbers are given.",
      ),
      note(
        "Memory is what the call takes beyond its inputs and results: exact for the engine wasm, which knows its allocations; for ONNX Runtime the peak of the process during its first three calls minus what it had before, which is what its arenas take, and the copy of a result that its binding for Node makes. Times on graphics processors include the way of the numbers there and back.",
      ),
      note(
        "The paper states neither shape nor kernel of its Table 3, and measured float16; its ratios to average pooling stand beside ours for orientation.",
      ),
      broken.length > 0 &&
        note(
          `${broken.length} result files are broken and were left out; the same command computes them again.`,
        ),
    ],
    sections: parts.flatMap((part) => machineSections(part, several)),
    foot: parts.flatMap(({ machine, commands, days: [first, last] }) => [
      ["Machine", machineTitle(machine)] as const,
      ["Versions", machineVersions(machine)] as const,
      ...commands.map((command) => ["Command", command] as const),
      ["Measured", first === last ? first : `${first} to ${last}`] as const,
    ]),
  });
}
