import { applyEntry, hide } from "./entries";
import {
  type Batch,
  type ConversationRow,
  mergeMessages,
  mergeRows,
  type OutboxRow,
  type Snapshot,
  type Store,
  type StoredRecord,
} from "./store";
import type { Message } from "./types";

/** A Store that lives as long as the page or process. */
export class MemoryStore implements Store {
  #version: number | undefined;
  readonly #conversations = new Map<string, ConversationRow>();
  readonly #messages = new Map<string, Map<number, Message>>();
  readonly #outbox = new Map<string, OutboxRow>();
  readonly #tables = new Map<string, Map<string, StoredRecord>>();

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
      const old = this.#conversations.get(row.conversation);
      this.#conversations.set(row.conversation, old ? mergeRows(old, row) : row);
    }
    for (const m of b.messages) {
      let log = this.#messages.get(m.conversation);
      if (!log) {
        log = new Map();
        this.#messages.set(m.conversation, log);
      }
      log.set(m.seq, mergeMessages(log.get(m.seq), m));
    }
    for (const { conversation, seq, entry } of b.changed) {
      this.#change(conversation, seq, (m) => applyEntry(m, entry));
    }
    for (const { conversation, seq } of b.hidden) {
      this.#change(conversation, seq, hide);
    }
    for (const row of b.outbox) {
      this.#outbox.set(row.clientId, row);
    }
    for (const clientId of b.settled) {
      this.#outbox.delete(clientId);
    }
    for (const { conversation, seq } of b.trim) {
      const log = this.#messages.get(conversation);
      for (const held of log?.keys() ?? []) {
        if (held < seq) {
          log?.delete(held);
        }
      }
    }
    for (const record of b.records) {
      const table = this.#tables.get(record.table) ?? new Map<string, StoredRecord>();
      this.#tables.set(record.table, table);
      if (record.version >= (table.get(record.key)?.version ?? 0)) {
        table.set(record.key, record);
      }
    }
    for (const { table, key, version } of b.dropped) {
      const held = this.#tables.get(table);
      if (held && (held.get(key)?.version ?? 0) <= version) {
        held.delete(key);
      }
    }
  }

  #change(conversation: string, seq: number, how: (m: Message) => Message): void {
    const log = this.#messages.get(conversation);
    const m = log?.get(seq);
    if (log && m) {
      log.set(seq, how(m));
    }
  }

  async records(table: string): Promise<StoredRecord[]> {
    return [...(this.#tables.get(table)?.values() ?? [])];
  }

  async messages(conversation: string, from: number, to: number): Promise<Message[]> {
    const log = this.#messages.get(conversation);
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
    this.#tables.clear();
  }

  close(): void {}
}
