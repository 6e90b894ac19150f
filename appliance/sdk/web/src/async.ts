// Waiting, in ways that can be cut short.

/** setTimeout takes more than this for 0. */
const maxTimeout = 2 ** 31 - 1;

/** Waits for ms or until signal is aborted; true when the time is over. */
export function sleep(ms: number, signal?: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    if (signal?.aborted) {
      resolve(false);
      return;
    }
    const aborted = () => {
      clearTimeout(timer);
      resolve(false);
    };
    const timer = setTimeout(
      () => {
        signal?.removeEventListener("abort", aborted);
        resolve(true);
      },
      Math.min(Math.max(ms, 0), maxTimeout),
    );
    signal?.addEventListener("abort", aborted, { once: true });
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
      const end = () => enough.abort();
      signal.addEventListener("abort", end, { once: true });
      if (!signal.aborted) {
        await sleep(ms, enough.signal);
      }
      signal.removeEventListener("abort", end);
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
