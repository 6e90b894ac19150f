/** Events by name, with the arguments of their listeners. */
export type EventMap = { [name: string]: unknown[] };

type Listener<A extends unknown[]> = (...args: A) => void;

/**
 * Calls listeners in the order in which they were added, at once. One that
 * throws disturbs neither the others nor the emitter.
 */
// biome-ignore lint/suspicious/noExplicitAny: interfaces have no index signature
export class Emitter<M extends { [K in keyof M]: any[] }> {
  readonly #listeners = new Map<keyof M, Set<Listener<never>>>();

  /** Adds a listener; the result takes it away again. */
  on<K extends keyof M>(name: K, listener: Listener<M[K]>): () => void {
    let set = this.#listeners.get(name);
    if (!set) {
      set = new Set();
      this.#listeners.set(name, set);
    }
    set.add(listener as Listener<never>);
    return () => this.off(name, listener);
  }

  /** Adds a listener for the next event only. */
  once<K extends keyof M>(name: K, listener: Listener<M[K]>): () => void {
    const remove = this.on(name, (...args) => {
      remove();
      listener(...args);
    });
    return remove;
  }

  off<K extends keyof M>(name: K, listener: Listener<M[K]>): void {
    this.#listeners.get(name)?.delete(listener as Listener<never>);
  }

  /** For the owner of the emitter. */
  protected emit<K extends keyof M>(name: K, ...args: M[K]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        (listener as Listener<M[K]>)(...args);
      } catch (thrown) {
        report(thrown);
      }
    }
  }
}

/** Gives a listener's mistake to the page's own error handling. */
function report(thrown: unknown): void {
  if (typeof reportError === "function") {
    reportError(thrown);
  } else {
    console.error(thrown); // Node
  }
}
