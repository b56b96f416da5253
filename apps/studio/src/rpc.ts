/** Calls between the page and its workers: a name, arguments, an answer or an error; arrays are handed over. */

/** What a worker can be asked: functions of one argument, which may answer later. */
export type Handlers = Record<string, (argument: never) => unknown>;

/** An answer whose buffers are handed over instead of copied. */
export class Handover<T> {
  /** The answer. */
  readonly value: T;
  /** What changes hands. */
  readonly transfer: Transferable[];

  /** Wraps an answer. */
  constructor(value: T, transfer: Transferable[]) {
    this.value = value;
    this.transfer = transfer;
  }
}

/** The answer behind a handover or a promise. */
export type Answer<F> = F extends (argument: never) => infer R ? Bare<Awaited<R>> : never;
type Bare<R> = R extends Handover<infer T> ? T : R;

interface Request {
  id: number;
  name: string;
  argument: unknown;
}

interface Reply {
  id: number;
  value?: unknown;
  error?: { name: string; message: string };
}

/** Answers calls in a worker. */
export function serve(handlers: Handlers): void {
  addEventListener("message", async ({ data }: MessageEvent<Request>) => {
    const { id, name, argument } = data;
    const reply = (message: Reply, transfer: Transferable[] = []) =>
      (postMessage as (message: Reply, options: { transfer: Transferable[] }) => void)(message, {
        transfer,
      });
    try {
      const answer = await handlers[name](argument as never);
      if (answer instanceof Handover) reply({ id, value: answer.value }, answer.transfer);
      else reply({ id, value: answer });
    } catch (error) {
      const { name: kind, message } = error instanceof Error ? error : new Error(String(error));
      reply({ id, error: { name: kind, message } });
    }
  });
}

/** Makes functions that run one after the other, also where one of them waits. */
export function turns(): <A, R>(work: (argument: A) => R) => (argument: A) => Promise<Awaited<R>> {
  let queue: Promise<unknown> = Promise.resolve();
  return (work) => (argument) => {
    const result = queue.then(() => work(argument));
    queue = result.catch(() => {});
    return result as Promise<Awaited<ReturnType<typeof work>>>;
  };
}

/** A worker as the page sees it. */
export interface Client<H> {
  /**
   * Calls a function of the worker.
   * @param name which
   * @param argument copied, but for what is in `transfer`
   * @throws Error with the name and message of what was thrown there, or when the worker itself broke
   */
  call<N extends keyof H & string>(
    name: N,
    argument: H[N] extends (argument: infer A) => unknown ? A : never,
    transfer?: Transferable[],
  ): Promise<Answer<H[N]>>;
  /** Ends the worker; calls that wait fail. */
  end(): void;
}

/** Connects to a worker that {@link serve}s. */
export function connect<H>(worker: Worker): Client<H> {
  const waiting = new Map<
    number,
    { resolve: (value: unknown) => void; reject: (error: Error) => void }
  >();
  let next = 0;
  const failAll = (message: string) => {
    for (const { reject } of waiting.values()) reject(new Error(message));
    waiting.clear();
  };
  worker.addEventListener("message", ({ data }: MessageEvent<Reply>) => {
    const call = waiting.get(data.id);
    waiting.delete(data.id);
    if (data.error === undefined) call?.resolve(data.value);
    else call?.reject(Object.assign(new Error(data.error.message), { name: data.error.name }));
  });
  worker.addEventListener("error", (event) => {
    failAll(event.message || "a worker of the page could not be started");
  });
  return {
    call(name, argument, transfer = []) {
      const id = next++;
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
        try {
          worker.postMessage({ id, name, argument } satisfies Request, transfer);
        } catch (error) {
          waiting.delete(id);
          reject(error as Error);
        }
      });
    },
    end() {
      worker.terminate();
      failAll("the work was stopped");
    },
  };
}

/** Tells whether what was begun is still the newest of its kind when it ends. */
export function newestOnly(): () => () => boolean {
  let newest = 0;
  return () => {
    const own = ++newest;
    return () => own === newest;
  };
}

/** Runs the newest of the works that come while one runs, and forgets those between. */
export function latestOnly(): (work: () => Promise<void>) => void {
  let running = false;
  let next: (() => Promise<void>) | undefined;
  return async (work) => {
    next = work;
    if (running) return;
    running = true;
    while (next !== undefined) {
      const now = next;
      next = undefined;
      await now();
    }
    running = false;
  };
}
