import { jittered, sleep } from "./async";
import type { Init, Request } from "./codec";
import { ClosedError, Code, ConnectionError, ServerError, TimeoutError } from "./errors";
import type { Link } from "./link";

/** Least pause before a call that was refused as too early, when the server names none. */
const busyPause = 250;
/** How long a request of one link may take before the link counts as dead. */
const answerTimeout = 30_000;

export interface CallOptions {
  timeoutMs?: number;
  /** Do not make the call again when the connection breaks. */
  once?: boolean;
  /** Gives the call up. */
  signal?: AbortSignal;
}

/**
 * Calls makes requests on whatever link there is: they wait for one, and are
 * made again on the next when it breaks. All requests of the protocol but those
 * to rooms may be repeated.
 */
export class Calls {
  #link: Link | undefined;
  #arrived = newLatch(); // resolved while there is a link, or nothing will come any more
  #lastError: Error | undefined;
  #final: Error | undefined;
  readonly #over = new AbortController();

  constructor(private readonly defaultTimeoutMs: number) {}

  /** Whether a link is logged in. */
  get connected(): boolean {
    return this.#link !== undefined;
  }

  /** Why nothing will connect any more. */
  get final(): Error | undefined {
    return this.#final;
  }

  /** Calls listener once, when nothing will connect any more. */
  onEnd(listener: () => void): void {
    this.#over.signal.addEventListener("abort", listener, { once: true });
  }

  /** A link is logged in. */
  arrived(link: Link): void {
    this.#link = link;
    this.#arrived.resolve();
  }

  /** The link is gone, or could not be made, because of reason. */
  left(reason: Error): void {
    this.#lastError = reason;
    if (this.#link && !this.#final) {
      this.#arrived = newLatch();
    }
    this.#link = undefined;
  }

  /** Nothing will connect any more: what waits fails with reason. */
  end(reason: Error): void {
    this.#final ??= reason;
    this.#over.abort();
    this.#arrived.resolve();
  }

  /** Makes a call. Too fast (416) and busy (503) are not errors while there is time. */
  async call<A, R>(what: Request<A, R>, argument: Init<A>, options: CallOptions = {}): Promise<R> {
    const until = Date.now() + (options.timeoutMs ?? this.defaultTimeoutMs);
    for (;;) {
      const link = await this.#waitLink(what.name, until, options.signal);
      try {
        return await this.request(link, what, argument, until, options.signal);
      } catch (err) {
        if (link.reason !== err || options.once) {
          throw err; // its answer, or no time left
        }
      }
    }
  }

  /** Makes a call on this link only. */
  async request<A, R>(
    link: Link,
    what: Request<A, R>,
    argument: Init<A>,
    until: number,
    signal?: AbortSignal,
  ): Promise<R> {
    const body = what.argument.init(argument);
    for (;;) {
      const left = until - Date.now();
      try {
        return what.answer.read(await link.call(what.name, body, Math.min(left, answerTimeout)));
      } catch (err) {
        if (err instanceof TimeoutError && left > answerTimeout) {
          // Nobody answers although the connection seems to be there.
          link.close(new ConnectionError(`no answer to ${what.name} in ${answerTimeout / 1000} s`));
          throw link.reason ?? err;
        }
        if (!(err instanceof ServerError) || (err.code !== Code.Busy && err.code !== Code.RateLimited)) {
          throw err;
        }
        const pause = Math.max(err.retryAfterMs, busyPause) + jittered(busyPause);
        if (Date.now() + pause >= until || !(await sleep(pause, signal, this.#over.signal))) {
          throw this.#final ?? err;
        }
        if (link.reason) {
          throw link.reason;
        }
      }
    }
  }

  async #waitLink(command: string, until: number, signal?: AbortSignal): Promise<Link> {
    for (;;) {
      if (this.#final) {
        throw this.#final;
      }
      if (signal?.aborted) {
        throw new ClosedError(`${command}: given up`);
      }
      if (this.#link) {
        return this.#link;
      }
      const enough = new AbortController();
      const waiting = sleep(until - Date.now(), signal, enough.signal);
      const timedOut = await Promise.race([waiting, this.#arrived.promise]);
      enough.abort();
      if (timedOut && !this.#final) {
        throw new TimeoutError(`${command}: not connected in time`, { cause: this.#lastError });
      }
    }
  }
}

interface Latch {
  promise: Promise<false>;
  resolve(): void;
}

function newLatch(): Latch {
  let resolve!: () => void;
  const promise = new Promise<false>((r) => {
    resolve = () => r(false);
  });
  return { promise, resolve };
}
