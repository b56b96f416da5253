/** From result files to reports: what is in folders decides which studies they are of. */
import { join } from "node:path";
import { Failure, quote } from "../errors.ts";
import { saveText } from "../paths.ts";
import type { Outcome } from "./outcome.ts";
import { type BrokenFile, readResults } from "./store.ts";

/** What is written of a study. */
export interface RenderedStudy {
  /** Contents of files by name; `index.html` is the report. */
  readonly files: Readonly<Record<string, string>>;
  /** The means as JSON, for `--json`. */
  readonly json: string;
  /** The tables in the terminal, in lines. */
  text(colour: boolean): readonly string[];
}

/** Renders outcomes of one study. */
export type Renderer = (
  outcomes: readonly Outcome[],
  broken: readonly BrokenFile[],
) => RenderedStudy;

/** Renderers by the name of their study, loaded when they are needed. */
const renderers: Readonly<Record<string, () => Promise<Renderer>>> = {
  similarity: async () => (await import("../similarity/report.ts")).renderSimilarity,
  latency: async () => (await import("../latency/files.ts")).renderLatencyStudy,
};

/** How a report is given. */
export interface RenderOptions {
  /** Whether JSON is printed instead of tables. */
  readonly json: boolean;
  /** Whether nothing is printed. */
  readonly quiet: boolean;
}

/**
 * Writes the reports of the studies in folders.
 * @param folders folders of studies, or folders of such folders
 * @param output the folder of the report; with several studies, each has a folder of its name in it
 * @throws Failure when there are no results, or they cannot be written
 */
export async function writeReport(
  folders: readonly string[],
  output: string,
  { json, quiet }: RenderOptions,
): Promise<void> {
  const { outcomes, broken } = readResults(folders);
  const studies = [...new Set(outcomes.map(({ study }) => study))].sort();
  if (studies.length === 0) {
    const hint = broken.length > 0 ? `, ${broken.length} files are broken` : "";
    throw new Failure(`there are no results in ${folders.map(quote).join(", ")}${hint}`);
  }
  const colour = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;
  const pages: string[] = [];
  for (const study of studies) {
    if (!Object.hasOwn(renderers, study)) {
      throw new Failure(
        `the results in ${folders.map(quote).join(", ")} are of the study ${quote(study)}, which this version does not know`,
      );
    }
    const render = await renderers[study]();
    const rendered = render(
      outcomes.filter((outcome) => outcome.study === study),
      broken,
    );
    for (const [name, text] of Object.entries(rendered.files)) {
      // Several studies in one folder keep their files apart by name.
      const own = studies.length > 1 ? `${study}-${name}` : name;
      const file = join(output, own);
      await saveText(file, text);
      if (name === "index.html") pages.push(file);
    }
    if (quiet) continue;
    if (json) process.stdout.write(rendered.json);
    else console.log(rendered.text(colour).join("\n"));
  }
  if (!quiet && !json) console.log(`Report: ${pages.join(", ")}`);
}
