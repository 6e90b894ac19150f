// Waiting, in ways that can be cut short.

/** setTimeout takes more than this for 0. */
const maxTimeout = 2 ** 31 - 1;

/** Waits for ms or until one of signals is aborted; true when the time is over. */
export function sleep(ms: number, ...signals: (AbortSignal | undefined)[]): Promise<boolean> {
  return new Promise((resolve) => {
    if (signals.some((signal) => signal?.aborted)) {
      resolve(false);
      return;
    }
    const end = (inTime: boolean) => {
      clearTimeout(timer);
      for (const signal of signals) {
        signal?.removeEventListener("abort", aborted);
      }
      resolve(inTime);
    };
    const aborted = () => end(false);
    const timer = setTimeout(() => end(true), Math.min(Math.max(ms, 0), maxTimeout));
    for (const signal of signals) {
      signal?.addEventListener("abort", aborted);
    }
  });
}

/** Remembers one call of raise until somebody waits for it. */
export class Signal {
  #raised = false;
  #waiting: (() => void) | undefined;

  raise(): void {
    this.#raised = true;
    this.#waiting?.();
  }

  /** Waits until raise is called, ms are over or signal is aborted. One waiter at a time. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#raised) {
      const enough = new AbortController();
      this.#waiting = () => enough.abort();
      await sleep(ms, enough.signal, signal);
      this.#waiting = undefined;
    }
    this.#raised = false;
  }
}

/** d shortened by up to a tenth, so that many clients drift apart. */
export function jittered(d: number): number {
  return d - (Math.random() * d) / 10;
}

/** An id that nobody else makes. */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}
