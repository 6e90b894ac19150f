import type { Calls } from "./calls";
import { toError } from "./errors";
import { type Key, placeOf } from "./key";
import type { Logger } from "./types";
import * as wire from "./wire.gen";

/** Tells the server how far this account has read: one request for each conversation at a time, the latest wins. */
export class Reads {
  readonly #wanted = new Map<string, { key: Key; seq: number }>(); // by conversation: not told yet
  readonly #told = new Map<string, number>();
  readonly #telling = new Map<string, Promise<void>>();

  constructor(
    private readonly calls: Calls,
    private readonly logger: Logger,
  ) {}

  /** Whether the server knows that the conversation has been read up to seq. */
  done(conversation: string, seq: number): boolean {
    return (this.#told.get(conversation) ?? 0) >= seq;
  }

  /** Resolves when the server knows. A failure is made good by resume. */
  async tell(key: Key, seq: number): Promise<void> {
    const name = key.conversation;
    if (this.done(name, seq)) {
      return;
    }
    this.#wanted.set(name, { key, seq: Math.max(this.#wanted.get(name)?.seq ?? 0, seq) });
    while (!this.done(name, seq)) {
      let telling = this.#telling.get(name);
      if (!telling) {
        telling = this.#tell(key).finally(() => this.#telling.delete(name));
        this.#telling.set(name, telling);
      }
      await telling;
    }
  }

  async #tell(key: Key): Promise<void> {
    const seq = this.#wanted.get(key.conversation)?.seq ?? 0;
    await this.calls.call(wire.read, { ...placeOf(key), seq });
    this.#told.set(key.conversation, seq);
    if (this.#wanted.get(key.conversation)?.seq === seq) {
      this.#wanted.delete(key.conversation);
    }
  }

  /** Tells what could not be told before. */
  resume(): void {
    for (const { key, seq } of this.#wanted.values()) {
      this.tell(key, seq).catch((err) =>
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
