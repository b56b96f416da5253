/**
 * The nearest of a list of names, for error messages that say what was probably meant. Distance is
 * the number of letters inserted, deleted, replaced or swapped with their neighbour (optimal string
 * alignment), upper and lower case being the same.
 */

/**
 * The name of `names` nearest to `name`, or undefined when none is near: at most one edit per three
 * letters of the longer word, rounded up. A name that begins with `name` (two letters or more)
 * counts as one edit away. Among equals the first wins.
 */
export function nearestName(name: string, names: readonly string[]): string | undefined {
  const given = name.toLowerCase();
  let best: string | undefined;
  let least = Infinity;
  for (const candidate of names) {
    const other = candidate.toLowerCase();
    let distance = editDistance(given, other);
    if (distance > 1 && given.length > 1 && other.startsWith(given)) distance = 1;
    if (distance < least && distance <= Math.ceil(Math.max(given.length, other.length) / 3)) {
      best = candidate;
      least = distance;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let last: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    [before, last, row] = [last, row, [i]];
    for (let j = 1; j <= b.length; j++) {
      const replaced = last[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(replaced, last[j] + 1, row[j - 1] + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        row[j] = Math.min(row[j], before[j - 2] + 1);
      }
    }
  }
  return row[b.length];
}
