/**
 * Progress of a study on standard error: cells done of all, rate and time left. One line that is renewed
 * on a terminal, plain lines elsewhere. The rate is that of the cells computed now; those that were done
 * before count as done. The time left is by the costs of cells, which differ.
 */

/** A number of seconds as people say it. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 120) return `${whole} s`;
  if (whole < 7200) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** Pause between plain lines, in milliseconds. */
const PAUSE = 5000;

/** A count of cells with rate and remaining time. */
export class StudyProgress {
  readonly #total: number;
  readonly #before: number;
  #left: number;
  #spent = 0;
  readonly #begin: number = performance.now();
  readonly #terminal: boolean = process.stderr.isTTY === true;
  #computed = 0;
  #shown: number = performance.now();

  /**
   * @param total all cells
   * @param before how many of them were done before
   * @param cost the costs of the others, added up
   */
  constructor(total: number, before: number, cost: number) {
    this.#total = total;
    this.#before = before;
    this.#left = cost;
  }

  /** Counts one cell; `title` tells which, `cost` how much of all the work it was. */
  step(title: string, cost: number): void {
    this.#computed++;
    this.#spent += cost;
    this.#left -= cost;
    const now = performance.now();
    const done = this.#before + this.#computed;
    if (now - this.#shown < (this.#terminal ? 100 : PAUSE)) return;
    this.#shown = now;
    const rate = (this.#computed * 1000) / (now - this.#begin);
    const pace = rate >= 1 ? `${rate.toFixed(1)}/s` : `${(1 / rate).toFixed(1)} s each`;
    const left = duration((this.#left * (now - this.#begin)) / 1000 / this.#spent);
    const name = title.replace(/[\p{Cc}\p{Cf}]/gu, "?");
    const line = `${done}/${this.#total} cells, ${pace}, ${left} left  ${name}`;
    if (!this.#terminal) process.stderr.write(`${line}\n`);
    else process.stderr.write(`\r\u001b[K${line.slice(0, (process.stderr.columns ?? 100) - 1)}`);
  }

  /** Ends the line. */
  end(): void {
    if (this.#terminal) process.stderr.write("\r\u001b[K");
  }
}
