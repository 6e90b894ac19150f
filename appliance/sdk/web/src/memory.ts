import { type Batch, type ConversationRow, mergeRows, type OutboxRow, type Snapshot, type Store } from "./store";
import type { Message } from "./types";
import { withoutContent } from "./wire";

/** A Store that lives as long as the page or process. */
export class MemoryStore implements Store {
  #version: number | undefined;
  readonly #conversations = new Map<string, ConversationRow>();
  readonly #messages = new Map<string, Map<number, Message>>();
  readonly #outbox = new Map<string, OutboxRow>();

  async load(): Promise<Snapshot> {
    return {
      version: this.#version,
      conversations: [...this.#conversations.values()].map((row) => ({ ...row, unread: [...row.unread] })),
      outbox: [...this.#outbox.values()].sort((a, b) => a.createdMs - b.createdMs),
    };
  }

  async write(b: Batch): Promise<void> {
    if (b.version !== undefined) {
      this.#version = Math.max(this.#version ?? 0, b.version);
    }
    for (const row of b.conversations) {
      const old = this.#conversations.get(row.peer);
      this.#conversations.set(row.peer, old ? mergeRows(old, row) : row);
    }
    for (const m of b.messages) {
      let log = this.#messages.get(m.peer);
      if (!log) {
        log = new Map();
        this.#messages.set(m.peer, log);
      }
      log.set(m.seq, m);
    }
    for (const { peer, seq, refSeq } of b.recalled) {
      const m = this.#messages.get(peer)?.get(seq);
      if (m) {
        this.#messages.get(peer)?.set(seq, withoutContent(m, refSeq));
      }
    }
    for (const row of b.outbox) {
      this.#outbox.set(row.clientId, row);
    }
    for (const clientId of b.settled) {
      this.#outbox.delete(clientId);
    }
    for (const { peer, seq } of b.trim) {
      const log = this.#messages.get(peer);
      for (const held of log?.keys() ?? []) {
        if (held < seq) {
          log?.delete(held);
        }
      }
    }
  }

  async messages(peer: string, from: number, to: number): Promise<Message[]> {
    const log = this.#messages.get(peer);
    const found: Message[] = [];
    for (let seq = from; log && seq <= to; seq++) {
      const m = log.get(seq);
      if (m) {
        found.push(m);
      }
    }
    return found;
  }

  async clear(): Promise<void> {
    this.#version = undefined;
    this.#conversations.clear();
    this.#messages.clear();
    this.#outbox.clear();
  }

  close(): void {}
}
