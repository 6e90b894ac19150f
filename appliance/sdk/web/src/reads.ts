import type { Calls } from "./calls";
import { toError } from "./errors";
import type { Logger } from "./types";

/** Tells the server how far this account has read: one request for each conversation at a time, the latest wins. */
export class Reads {
  readonly #wanted = new Map<string, number>(); // by peer: not told yet
  readonly #told = new Map<string, number>();
  readonly #telling = new Map<string, Promise<void>>();

  constructor(
    private readonly calls: Calls,
    private readonly logger: Logger,
  ) {}

  /** Whether the server knows that peer's conversation has been read up to seq. */
  done(peer: string, seq: number): boolean {
    return (this.#told.get(peer) ?? 0) >= seq;
  }

  /** Resolves when the server knows. A failure is made good by resume. */
  async tell(peer: string, seq: number): Promise<void> {
    if (this.done(peer, seq)) {
      return;
    }
    this.#wanted.set(peer, Math.max(this.#wanted.get(peer) ?? 0, seq));
    while (!this.done(peer, seq)) {
      let telling = this.#telling.get(peer);
      if (!telling) {
        telling = this.#tell(peer).finally(() => this.#telling.delete(peer));
        this.#telling.set(peer, telling);
      }
      await telling;
    }
  }

  async #tell(peer: string): Promise<void> {
    const seq = this.#wanted.get(peer) ?? 0;
    await this.calls.call("read", { peer, seq });
    this.#told.set(peer, seq);
    if (this.#wanted.get(peer) === seq) {
      this.#wanted.delete(peer);
    }
  }

  /** Tells what could not be told before. */
  resume(): void {
    for (const [peer, seq] of this.#wanted) {
      this.tell(peer, seq).catch((err) =>
        this.logger.warn("telling a read cursor failed", { error: toError(err).message }),
      );
    }
  }

  /** The site is another one. */
  clear(): void {
    this.#wanted.clear();
    this.#told.clear();
  }
}
