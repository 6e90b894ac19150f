import type { Message, Outgoing } from "./types";

/** How far a device is in one conversation. */
export interface ConversationRow {
  peer: string;
  /** Seq up to which everything has been delivered; the store holds the newest of it. */
  delivered: number;
  /** Seq that is known to exist; what is between is read from history. */
  known: number;
  /** This account's read cursor. */
  read: number;
  peerRead: number;
  /** Server's clock of the last change. */
  timeMs: number;
  /** Seqs of the peer's messages after read, ascending, from countedFrom on. */
  unread: number[];
  /** Before this seq messages are not looked at singly. */
  countedFrom: number;
  /** The latest entry that is not a recall. */
  last?: Message;
}

/** What load returns. */
export interface Snapshot {
  /** Reached by the last complete sync; undefined: there was none. */
  version: number | undefined;
  conversations: ConversationRow[];
  /** In the order of createdMs. */
  outbox: OutboxRow[];
}

/** A message that the server has not accepted yet. */
export type OutboxRow = Pick<Outgoing, "peer" | "clientId" | "type" | "body" | "ext" | "createdMs"> & {
  /** Set when the server has refused it, so that it is not sent again by itself. */
  refused?: { code: number; note: string };
};

/** Changes that belong together. Each field may be empty. */
export interface Batch {
  version?: number;
  conversations: ConversationRow[];
  messages: Message[];
  /** Messages, if they are held, that lose their content to the recall refSeq. */
  recalled: { peer: string; seq: number; refSeq: number }[];
  outbox: OutboxRow[];
  /** Client ids that leave the outbox. */
  settled: string[];
  /** Messages below seq need no longer be held. */
  trim: { peer: string; seq: number }[];
}

/**
 * Keeps what one account on one browser must remember. Several tabs may share
 * what is behind a Store, so that rows merge: see mergeRows.
 */
export interface Store {
  /** Everything but messages. Called once, first. */
  load(): Promise<Snapshot>;
  /** Keeps b, all of it or nothing. One call at a time. */
  write(b: Batch): Promise<void>;
  /** The messages that are held with from <= seq <= to, ascending. */
  messages(peer: string, from: number, to: number): Promise<Message[]>;
  /** Forgets everything. */
  clear(): Promise<void>;
  /** Lets go; no call follows. */
  close(): void;
}

/** An empty Batch. */
export function emptyBatch(): Batch {
  return { conversations: [], messages: [], recalled: [], outbox: [], settled: [], trim: [] };
}

/**
 * What two tabs know of one conversation, put together. Every field only grows,
 * and what the tab that is further has delivered is in the shared store.
 */
export function mergeRows(a: ConversationRow, b: ConversationRow): ConversationRow {
  const further = b.delivered >= a.delivered ? b : a;
  const read = Math.max(a.read, b.read);
  return {
    ...further,
    known: Math.max(a.known, b.known),
    read,
    peerRead: Math.max(a.peerRead, b.peerRead),
    timeMs: Math.max(a.timeMs, b.timeMs),
    unread: further.unread.filter((seq) => seq > read),
  };
}
