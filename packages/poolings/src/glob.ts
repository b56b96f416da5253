/** Patterns for names: `*` is any text, `?` one character, everything else itself. */

/** Whether a name fits a pattern as a whole. */
export function matches(pattern: string, name: string): boolean {
  // Greedy with one point to go back to: linear in practice, and no regular expression from outside.
  let p = 0;
  let n = 0;
  let star = -1;
  let mark = 0;
  while (n < name.length) {
    if (p < pattern.length && (pattern[p] === "?" || pattern[p] === name[n])) {
      if (pattern[p] === "*") {
        star = p++;
        mark = n;
      } else {
        p++;
        n++;
      }
    } else if (p < pattern.length && pattern[p] === "*") {
      star = p++;
      mark = n;
    } else if (star >= 0) {
      p = star + 1;
      n = ++mark;
    } else return false;
  }
  while (pattern[p] === "*") p++;
  return p === pattern.length;
}

/** Whether a pattern has a wildcard. */
export function isPattern(text: string): boolean {
  return /[*?]/.test(text);
}
