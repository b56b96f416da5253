/** The live line of a training run: loss, accuracy, pictures per second, time left. */

/** A line that is renewed on a terminal, and written every half minute elsewhere. */
export class LiveLine {
  readonly #terminal: boolean = process.stderr.isTTY === true;
  #begin = performance.now();
  #shown = performance.now();
  #first: number | undefined;

  /**
   * Tells of a step.
   * @param step how many steps are done
   * @param steps how many there are in the run
   * @param batch pictures of a step
   * @param loss its loss
   * @param accuracy share that was right in the epoch so far
   */
  step(step: number, steps: number, batch: number, loss: number, accuracy: number): void {
    const now = performance.now();
    if (this.#first === undefined) {
      // The first step of a session is slower than those that follow.
      this.#first = step;
      this.#begin = now;
      return;
    }
    if (now - this.#shown < (this.#terminal ? 200 : 30_000)) return;
    this.#shown = now;
    const rate = (step - this.#first) / ((now - this.#begin) / 1000);
    const left = Math.ceil((steps - step) / rate);
    const time =
      left < 90
        ? `${left} s`
        : left < 5400
          ? `${Math.round(left / 60)} min`
          : `${(left / 3600).toFixed(1)} h`;
    const line = `step ${step}/${steps}  loss ${loss.toFixed(4)}  accuracy ${(100 * accuracy).toFixed(1)} %  ${(rate * batch).toFixed(0)} images/s  ${time} left`;
    process.stderr.write(this.#terminal ? `\r\u001b[K${line}` : `${line}\n`);
  }

  /** Ends the line. */
  end(): void {
    if (this.#terminal) process.stderr.write("\r\u001b[K");
  }
}
