/** Where the results of a study come from, for the foot of its report. */
import type { Outcome } from "./outcome.ts";

/** Values that are listed; of more, how many there are. */
const MOST = 8;

/** Commands, versions, machines and time of outcomes: names and values, distinct ones on lines of their own. */
export function origins(
  outcomes: readonly Outcome[],
): readonly (readonly [name: string, value: string])[] {
  const distinct = (of: (outcome: Outcome) => string) => {
    const all = [...new Set(outcomes.map(of))].sort();
    const shown = all.slice(0, MOST).join("\n");
    return all.length > MOST ? `${shown}\nand ${all.length - MOST} more` : shown;
  };
  const times = outcomes.map(({ made }) => made).sort();
  const seconds = outcomes.reduce((sum, outcome) => sum + outcome.seconds, 0);
  if (times.length === 0) return [];
  return [
    ["Command", distinct(({ command }) => command)],
    ["Versions", distinct(({ versions }) => versions)],
    ["Machine", distinct(({ machine }) => machine)],
    ["Made", `${times[0]} to ${times[times.length - 1]}`],
    ["Cells", `${outcomes.length}, ${seconds.toFixed(0)} s of work in all`],
  ];
}
