import type { Message } from "./types";

/**
 * Early holds messages that came before their turn; often the gap before them
 * closes by itself a moment later. It is bounded over all conversations: what it
 * does not take, history has.
 */
export class Early {
  readonly #byPeer = new Map<string, Map<number, Message>>();
  #size = 0;

  constructor(private readonly max: number) {}

  keep(m: Message): void {
    let held = this.#byPeer.get(m.peer);
    if (!held) {
      held = new Map();
      this.#byPeer.set(m.peer, held);
    }
    if (this.#size < this.max && !held.has(m.seq)) {
      held.set(m.seq, m);
      this.#size++;
    }
  }

  /** Takes the message seq, if it is held; those before it are of no use any more. */
  take(peer: string, seq: number): Message | undefined {
    const held = this.#byPeer.get(peer);
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
      this.#byPeer.delete(peer);
    }
    return m;
  }

  clear(): void {
    this.#byPeer.clear();
    this.#size = 0;
  }
}
