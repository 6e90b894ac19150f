import { StoreError, toError } from "./errors";
import { MemoryStore } from "./memory";
import {
  type Batch,
  type ConversationRow,
  emptyBatch,
  type OutboxRow,
  type Snapshot,
  type Store,
  type StoredRecord,
} from "./store";
import type { Logger, Message } from "./types";

/** More messages than this waiting mean that the store does not keep up. */
const maxWaiting = 10_000;

/** What the writer needs to start over with another store. */
export interface Source {
  /** undefined before the first complete sync. */
  version(): number | undefined;
  rows(): ConversationRow[];
  outbox(): OutboxRow[];
}

/**
 * Writer brings changes into the store behind the back of whoever makes them:
 * what is changed while one write is under way goes into the next, as one batch.
 * So the store always holds a state that the client was in. When the store fails
 * it makes room, and if that does not help goes on in memory: after a reload the
 * client is where the store was, and reads from there.
 */
export class Writer {
  #store: Store;
  #waiting = new Waiting();
  #writing: Promise<void> | undefined;
  #closed = false;

  constructor(
    store: Store,
    private readonly cap: number,
    private readonly source: Source,
    private readonly logger: Logger,
    private readonly failed: (err: StoreError) => void,
  ) {
    this.#store = store;
  }

  async load(): Promise<Snapshot> {
    try {
      return await this.#store.load();
    } catch (err) {
      await this.#giveUp(toError(err));
      return this.#store.load();
    }
  }

  version(version: number): void {
    this.#waiting.version = version;
    this.#start();
  }

  /** row may change until it is written. */
  row(row: ConversationRow): void {
    this.#waiting.conversations.set(row.conversation, row);
    this.#start();
  }

  /** Keeps m; delivered is how far its conversation is. */
  message(m: Message, delivered: number): void {
    if (m.seq <= delivered - this.cap) {
      return; // would be trimmed at once
    }
    this.#waiting.messages.set(`${m.seq} ${m.conversation}`, m);
    // Now and then, not for each message: a delete of a range costs a search.
    if (m.seq % Math.ceil(this.cap / 8) === 0 && m.seq === delivered && m.seq > this.cap) {
      this.#waiting.trim.set(m.conversation, delivered - this.cap);
    }
    this.#start();
  }

  /** Works entry into the message seq, if the store holds it. */
  changed(conversation: string, seq: number, entry: Message): void {
    this.#waiting.changed.push({ conversation, seq, entry });
    this.#start();
  }

  hidden(conversation: string, seqs: number[]): void {
    this.#waiting.hidden.push(...seqs.map((seq) => ({ conversation, seq })));
    this.#start();
  }

  /** The messages below seq are not to be held any more. */
  trim(conversation: string, seq: number): void {
    this.#waiting.trim.set(conversation, Math.max(seq, this.#waiting.trim.get(conversation) ?? 0));
    this.#start();
  }

  record(record: StoredRecord): void {
    const name = JSON.stringify([record.table, record.key]);
    this.#waiting.dropped.delete(name);
    this.#waiting.records.set(name, record);
    this.#start();
  }

  /** Drops a record up to this version. */
  drop(table: string, key: string, version: number): void {
    const name = JSON.stringify([table, key]);
    this.#waiting.records.delete(name);
    this.#waiting.dropped.set(name, { table, key, version });
    this.#start();
  }

  /** The records of one table; none when the store fails. */
  async records(table: string): Promise<StoredRecord[]> {
    await this.flush();
    try {
      return await this.#store.records(table);
    } catch (err) {
      this.logger.warn("the store does not give its records", { error: String(err) });
      return [];
    }
  }

  outbox(row: OutboxRow): void {
    this.#waiting.settled.delete(row.clientId);
    this.#waiting.outbox.set(row.clientId, row);
    this.#start();
  }

  settled(clientId: string): void {
    this.#waiting.outbox.delete(clientId);
    this.#waiting.settled.add(clientId);
    this.#start();
  }

  /** Returns when everything until now is in the store. */
  async flush(): Promise<void> {
    while (this.#writing) {
      await this.#writing;
    }
  }

  /** The messages that the store holds; none when it fails. */
  async messages(conversation: string, from: number, to: number): Promise<Message[]> {
    await this.flush();
    try {
      return await this.#store.messages(conversation, from, to);
    } catch (err) {
      this.logger.warn("the store does not give its messages", { error: String(err) });
      return [];
    }
  }

  /** Forgets everything, what waits included; what follows is kept. */
  async clear(): Promise<void> {
    this.#waiting = new Waiting();
    this.#waiting.clear = true;
    this.#start();
    await this.flush();
  }

  /** Writes what waits, then lets the store go; later changes are dropped. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.flush();
    this.#store.close();
  }

  #start(): void {
    if (!this.#writing && !this.#closed) {
      this.#writing = this.#write().finally(() => {
        this.#writing = undefined;
      });
    } else if (this.#waiting.messages.size > maxWaiting) {
      this.logger.error("the store is too slow: older messages are not kept");
      this.#waiting.messages.clear();
    }
  }

  async #write(): Promise<void> {
    await Promise.resolve(); // changes of one moment belong together
    while (!this.#waiting.empty) {
      const { clear } = this.#waiting;
      const batch = this.#waiting.take();
      try {
        if (clear) {
          await this.#store.clear();
        }
        await this.#store.write(batch);
      } catch (err) {
        await this.#retry(batch, toError(err));
      }
    }
  }

  /** Makes room for batch: the usual reason is the browser's quota. */
  async #retry(batch: Batch, problem: Error): Promise<void> {
    try {
      const keep = Math.ceil(this.cap / 8);
      const trim = this.source
        .rows()
        .flatMap(({ conversation, delivered }) => (delivered > keep ? [{ conversation, seq: delivered - keep }] : []));
      await this.#store.write({ ...emptyBatch(), trim });
      await this.#store.write(batch);
      this.logger.warn("the store was full: older messages made room", { error: String(problem) });
    } catch {
      await this.#giveUp(problem);
    }
  }

  async #giveUp(problem: Error): Promise<void> {
    this.logger.error("the store fails: going on in memory", { error: String(problem) });
    this.#store.close();
    this.#store = new MemoryStore();
    const version = this.source.version();
    await this.#store.write({
      ...emptyBatch(),
      ...(version !== undefined && { version }),
      conversations: this.source.rows(),
      outbox: this.source.outbox(),
    });
    this.failed(new StoreError("this browser does not keep messages now", { cause: problem }));
  }
}

/** Changes that are not written yet; the latest of each kind. */
class Waiting {
  /** Forget everything first. */
  clear = false;
  version: number | undefined;
  readonly conversations = new Map<string, ConversationRow>();
  readonly messages = new Map<string, Message>();
  readonly outbox = new Map<string, OutboxRow>();
  readonly settled = new Set<string>();
  readonly trim = new Map<string, number>();
  readonly records = new Map<string, StoredRecord>();
  readonly dropped = new Map<string, Batch["dropped"][number]>();
  changed: Batch["changed"] = [];
  hidden: Batch["hidden"] = [];

  get empty(): boolean {
    return (
      !this.clear &&
      this.version === undefined &&
      this.changed.length + this.hidden.length === 0 &&
      this.#collections.every((one) => one.size === 0)
    );
  }

  get #collections() {
    const { conversations, messages, outbox, settled, trim, records, dropped } = this;
    return [conversations, messages, outbox, settled, trim, records, dropped];
  }

  take(): Batch {
    const batch: Batch = {
      conversations: [...this.conversations.values()].map((row) => ({ ...row, unread: [...row.unread] })),
      messages: [...this.messages.values()],
      changed: this.changed,
      hidden: this.hidden,
      outbox: [...this.outbox.values()],
      settled: [...this.settled],
      trim: [...this.trim].map(([conversation, seq]) => ({ conversation, seq })),
      records: [...this.records.values()],
      dropped: [...this.dropped.values()],
    };
    if (this.version !== undefined) {
      batch.version = this.version;
    }
    this.clear = false;
    this.version = undefined;
    this.changed = [];
    this.hidden = [];
    for (const set of this.#collections) {
      set.clear();
    }
    return batch;
  }
}
