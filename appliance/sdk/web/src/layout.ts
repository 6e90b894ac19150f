// The layout of the database in IndexedDB, and how it came about.

import { keyOf } from "./key";
import { newRow } from "./row";
import type { ConversationRow, OutboxRow } from "./store";

/** Changing the layout needs a step in upgrade. */
export const layout = 2;
export const prefix = "yizhan ";
export const stores = ["meta", "rows", "entries", "pending", "records"];

/**
 * Brings a database from oldVersion, 0 when it is new, to layout. Layout 1 had
 * conversations of two accounts only. What was read and what waits to be sent stays;
 * messages are read from the server again, and so is the list of conversations,
 * because teams were passed over.
 */
export function upgrade(tx: IDBTransaction, oldVersion: number): void {
  const { db } = tx;
  if (oldVersion < 1) {
    db.createObjectStore("meta");
  }
  const rows = db.createObjectStore("rows", { keyPath: "conversation" });
  db.createObjectStore("entries", { keyPath: ["conversation", "seq"] });
  const pending = db.createObjectStore("pending", { keyPath: "clientId" });
  db.createObjectStore("records", { keyPath: ["table", "key"] });
  if (oldVersion < 1) {
    return;
  }
  tx.objectStore("meta").delete("version");
  db.deleteObjectStore("messages");
  move<OldRow>(db, tx, "conversations", ({ peer, delivered, known, read, peerRead, timeMs, unread, countedFrom }) => {
    const row: ConversationRow = { ...newRow(keyOf("p2p", peer), delivered), known, read, peerRead, timeMs };
    rows.put({ ...row, unread, countedFrom, older: Math.max(countedFrom - 1 - read, 0) });
  });
  move<OldOutboxRow>(db, tx, "outbox", ({ peer, clientId, type, body, ext, createdMs, refused }) => {
    const row: OutboxRow = { ...keyOf("p2p", peer), clientId, content: { type, body, ext }, createdMs };
    pending.put(refused ? { ...row, refused } : row);
  });
}

type OldRow = Pick<
  ConversationRow,
  "peer" | "delivered" | "known" | "read" | "peerRead" | "timeMs" | "unread" | "countedFrom"
>;

interface OldOutboxRow {
  peer: string;
  clientId: string;
  type: number;
  body: string;
  ext: string;
  createdMs: number;
  refused?: { code: number; note: string };
}

/** Gives all that an old store holds to take, then ends the store. */
function move<T>(db: IDBDatabase, tx: IDBTransaction, from: string, take: (value: T) => void): void {
  const request: IDBRequest<T[]> = tx.objectStore(from).getAll();
  request.onsuccess = () => {
    request.result.forEach(take);
    db.deleteObjectStore(from);
  };
}
