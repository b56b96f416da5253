/** From result files to a report: what is in folders decides which study it is. */
import { Failure, quote } from "../errors.ts";
import { readResults } from "./store.ts";

/** How a report is given. */
export interface RenderOptions {
  /** Whether the means are printed as JSON instead of tables. */
  readonly json: boolean;
  /** Whether nothing is printed. */
  readonly quiet: boolean;
}

/** Writes the report of the studies in folders. */
export async function writeReport(
  folders: readonly string[],
  output: string,
  options: RenderOptions,
): Promise<void> {
  const { outcomes, broken } = readResults(folders);
  if (outcomes.length === 0) throw new Failure(`no results in ${folders.map(quote).join(", ")}`);
  console.log(outcomes.length, broken.length, output, options);
}
