/** Progress of long work on standard error: one line that is renewed on a terminal, plain lines elsewhere. */

/** A count of steps with rate and remaining time. */
export class Progress {
  readonly #total: number;
  readonly #what: string;
  readonly #start: number = performance.now();
  readonly #terminal: boolean = process.stderr.isTTY === true;
  #done = 0;
  #shown = 0;

  /**
   * @param what what is counted, in the plural
   * @param total how many there are
   */
  constructor(what: string, total: number) {
    this.#what = what;
    this.#total = total;
    this.#shown = this.#start;
  }

  /** Counts one step; `label` tells which. */
  step(label: string): void {
    this.#done++;
    const now = performance.now();
    const seconds = (now - this.#start) / 1000;
    const pause = this.#terminal ? 100 : 5000;
    if (now - this.#shown < pause && this.#done < this.#total) return;
    // Short work needs no progress in a pipe.
    if (!this.#terminal && this.#done === this.#total && now - this.#start < 5000) return;
    this.#shown = now;
    const rate = this.#done / seconds;
    const left = Math.ceil((this.#total - this.#done) / rate);
    const name = label.replace(/[\p{Cc}\p{Cf}]/gu, "?");
    const pace = rate >= 1 ? `${rate.toFixed(1)}/s` : `${(1 / rate).toFixed(1)} s each`;
    const line = `${this.#done}/${this.#total} ${this.#what}, ${pace}, ${left} s left  ${name}`;
    if (this.#terminal) process.stderr.write(`\r\u001b[K${line.slice(0, 100)}`);
    else process.stderr.write(`${line}\n`);
  }

  /** Counts steps that were left out, up to `done` in all. */
  skipTo(done: number): void {
    this.#done = Math.max(this.#done, done);
  }

  /** Ends the line. */
  end(): void {
    if (this.#terminal) process.stderr.write("\r\u001b[K");
  }
}

/** Turns Ctrl-C into a flag that long work looks at between steps; a second one ends at once. */
export class Interruption {
  #interrupted = false;
  readonly #listener = (): void => {
    if (this.#interrupted) process.exit(130);
    this.#interrupted = true;
    process.stderr.write("\nsoftpool: stopping after this step (Ctrl-C again to stop at once)\n");
  };

  constructor() {
    process.on("SIGINT", this.#listener);
    process.on("SIGTERM", this.#listener);
  }

  /** Whether Ctrl-C was pressed. */
  get interrupted(): boolean {
    return this.#interrupted;
  }

  /** Restores what Ctrl-C does. */
  end(): void {
    process.off("SIGINT", this.#listener);
    process.off("SIGTERM", this.#listener);
  }
}
