import type { Message } from "./types";

/**
 * Early holds messages that came before their turn; often the gap before them
 * closes by itself a moment later. It is bounded over all conversations: what it
 * does not take, history has.
 */
export class Early {
  readonly #held = new Map<string, Map<number, Message>>();
  #size = 0;

  constructor(private readonly max: number) {}

  keep(m: Message): void {
    let held = this.#held.get(m.conversation);
    if (!held) {
      held = new Map();
      this.#held.set(m.conversation, held);
    }
    if (this.#size < this.max && !held.has(m.seq)) {
      held.set(m.seq, m);
      this.#size++;
    }
  }

  /** Takes the message seq, if it is held; those before it are of no use any more. */
  take(conversation: string, seq: number): Message | undefined {
    const held = this.#held.get(conversation);
    if (!held) {
      return undefined;
    }
    const m = held.get(seq);
    for (const one of held.keys()) {
      if (one <= seq) {
        held.delete(one);
        this.#size--;
      }
    }
    if (held.size === 0) {
      this.#held.delete(conversation);
    }
    return m;
  }

  /** Drops what is held of one conversation. */
  forget(conversation: string): void {
    this.#size -= this.#held.get(conversation)?.size ?? 0;
    this.#held.delete(conversation);
  }

  clear(): void {
    this.#held.clear();
    this.#size = 0;
  }
}
