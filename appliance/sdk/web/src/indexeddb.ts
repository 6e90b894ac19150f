import { applyEntry, hide } from "./entries";
import { StoreError } from "./errors";
import { layout, prefix, stores, upgrade } from "./layout";
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

/** How long a database may take to open: another tab may hold an old layout. */
const openTimeout = 5_000;

/**
 * A Store in IndexedDB, one database for each account of each site, shared by
 * the tabs of this browser: rows merge (mergeRows), messages with the same seq
 * are the same.
 */
export class IndexedDBStore implements Store {
  readonly #name: string;
  #db: IDBDatabase | undefined;
  #closed = false;

  constructor(owner: string) {
    this.#name = prefix + owner;
  }

  async load(): Promise<Snapshot> {
    const db = await this.#open();
    const tx = db.transaction(["meta", "rows", "pending"]);
    const [version, conversations, outbox] = await Promise.all([
      result<number | undefined>(tx.objectStore("meta").get("version")),
      result<ConversationRow[]>(tx.objectStore("rows").getAll()),
      result<OutboxRow[]>(tx.objectStore("pending").getAll()),
    ]);
    return {
      version,
      conversations,
      outbox: outbox.sort((a, b) => a.createdMs - b.createdMs),
    };
  }

  async write(b: Batch): Promise<void> {
    const db = await this.#open();
    const tx = db.transaction(stores, "readwrite");
    const done = finished(tx);
    try {
      writeVersion(tx, b);
      writeConversations(tx, b);
      writeMessages(tx, b);
      writeRecords(tx, b);
      const outbox = tx.objectStore("pending");
      for (const row of b.outbox) {
        outbox.put(row);
      }
      for (const clientId of b.settled) {
        outbox.delete(clientId);
      }
    } catch (err) {
      tx.abort();
      await done.catch(() => {});
      throw err;
    }
    await done;
  }

  async messages(conversation: string, from: number, to: number): Promise<Message[]> {
    const db = await this.#open();
    const range = IDBKeyRange.bound([conversation, from], [conversation, to]);
    return result(db.transaction("entries").objectStore("entries").getAll(range));
  }

  async records(table: string): Promise<StoredRecord[]> {
    const db = await this.#open();
    const range = IDBKeyRange.bound([table, ""], [table, "\uffff"]);
    return result(db.transaction("records").objectStore("records").getAll(range));
  }

  async clear(): Promise<void> {
    const db = await this.#open();
    const tx = db.transaction(stores, "readwrite");
    for (const name of stores) {
      tx.objectStore(name).clear();
    }
    await finished(tx);
  }

  close(): void {
    this.#closed = true;
    this.#db?.close();
    this.#db = undefined;
  }

  /** The database, opened again if the browser has closed it. */
  async #open(): Promise<IDBDatabase> {
    if (this.#db) {
      return this.#db;
    }
    if (this.#closed) {
      throw new StoreError("the store is closed");
    }
    const db = await openDatabase(this.#name);
    const forget = () => {
      db.close();
      if (this.#db === db) {
        this.#db = undefined;
      }
    };
    db.onversionchange = forget; // a newer version of the app wants to upgrade or delete it
    db.onclose = forget;
    if (this.#closed) {
      db.close();
      throw new StoreError("the store is closed");
    }
    this.#db = db;
    return db;
  }
}

/** Versions only grow: another tab may be further. */
function writeVersion(tx: IDBTransaction, b: Batch): void {
  const { version } = b;
  if (version !== undefined) {
    const meta = tx.objectStore("meta");
    then(meta.get("version"), (old: number | undefined) => {
      if (version > (old ?? -1)) {
        meta.put(version, "version");
      }
    });
  }
}

function writeConversations(tx: IDBTransaction, b: Batch): void {
  const rows = tx.objectStore("rows");
  for (const row of b.conversations) {
    then(rows.get(row.conversation), (old: ConversationRow | undefined) => {
      rows.put(old ? mergeRows(old, row) : row);
    });
  }
}

function writeMessages(tx: IDBTransaction, b: Batch): void {
  const log = tx.objectStore("entries");
  // One read and one write for each message: a second read would be made before the
  // first write, and what that has changed would be lost.
  type Step = (held: Message | undefined) => Message | undefined;
  const steps = new Map<string, Map<number, Step[]>>();
  const add = (conversation: string, seq: number, step: Step) => {
    const of = steps.get(conversation) ?? new Map<number, Step[]>();
    steps.set(conversation, of);
    of.set(seq, [...(of.get(seq) ?? []), step]);
  };
  for (const m of b.messages) {
    add(m.conversation, m.seq, (held) => mergeMessages(held, m));
  }
  for (const { conversation, seq, entry } of b.changed) {
    add(conversation, seq, (held) => held && applyEntry(held, entry));
  }
  for (const { conversation, seq } of b.hidden) {
    add(conversation, seq, (held) => held && hide(held));
  }
  for (const [conversation, of] of steps) {
    for (const [seq, all] of of) {
      then(log.get([conversation, seq]), (held: Message | undefined) => {
        const now = all.reduce((m, step) => step(m), held);
        if (now && now !== held) {
          log.put(now);
        }
      });
    }
  }
  for (const { conversation, seq } of b.trim) {
    if (seq <= 1) {
      continue; // a range that ends before it begins would be an error
    }
    log.delete(IDBKeyRange.bound([conversation, 0], [conversation, seq], false, true));
  }
}

/** Records only move forward: another tab may be further. */
function writeRecords(tx: IDBTransaction, b: Batch): void {
  const all = tx.objectStore("records");
  for (const record of b.records) {
    then(all.get([record.table, record.key]), (old: StoredRecord | undefined) => {
      if (record.version >= (old?.version ?? 0)) {
        all.put(record);
      }
    });
  }
  for (const { table, key, version } of b.dropped) {
    then(all.get([table, key]), (old: StoredRecord | undefined) => {
      if ((old?.version ?? 0) <= version) {
        all.delete([table, key]);
      }
    });
  }
}

/** Goes on within the transaction; a failed request aborts it. */
function then<T>(request: IDBRequest<T>, next: (value: T) => void): void {
  request.onsuccess = () => next(request.result);
}

function result<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function finished(tx: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    tx.oncomplete = () => resolve();
    tx.onabort = () => reject(tx.error ?? new StoreError("the transaction was aborted"));
  });
}

function openDatabase(name: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, layout);
    let given = false;
    const timer = setTimeout(() => {
      given = true;
      reject(new StoreError("IndexedDB does not open: does another tab hold an old version?"));
    }, openTimeout);
    request.onupgradeneeded = ({ oldVersion }) => {
      if (request.transaction) {
        upgrade(request.transaction, oldVersion);
      }
    };
    request.onerror = () => {
      clearTimeout(timer);
      reject(request.error);
    };
    request.onsuccess = () => {
      clearTimeout(timer);
      if (given) {
        request.result.close();
      } else {
        resolve(request.result);
      }
    };
  });
}
