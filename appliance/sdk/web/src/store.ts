import { hide } from "./entries";
import type { Key } from "./key";
import type { Message, Outgoing } from "./types";
import type { ConversationSetting, TeamState } from "./wire.gen";

/** How far a device is in one conversation. */
export interface ConversationRow extends Key {
  /** Seq up to which everything has been delivered; the store holds the newest of it. */
  delivered: number;
  /** Seq that is known to exist; what is between is read from history. */
  known: number;
  /** This account's read cursor. */
  read: number;
  peerRead: number;
  /** Server's clock of the last change. */
  timeMs: number;
  /** Seqs of others' messages after read, ascending, from countedFrom on. */
  unread: number[];
  /** Before this seq messages are not looked at singly. */
  countedFrom: number;
  /** Unread messages before countedFrom; while counted is set, all that are unread up to there. */
  older: number;
  /** The server's count of older is up to this seq, which is still to be delivered; else 0. */
  counted: number;
  /** The latest entry that is a message. */
  last?: Message;
  /** What the account is to the team; version is that of the state. */
  team?: TeamState;
  teamVersion?: number;
  setting?: ConversationSetting;
}

/** What load returns. */
export interface Snapshot {
  /** Reached by the last complete sync; undefined: there was none. */
  version: number | undefined;
  conversations: ConversationRow[];
  /** In the order of createdMs. */
  outbox: OutboxRow[];
}

/** One thing of a table that is kept beside the conversations, such as a relation. */
export interface StoredRecord {
  table: string;
  key: string;
  /** Of two with the same key the one with the larger version stays. */
  version: number;
  /** Whatever can be cloned. */
  value: unknown;
}

/** A message that the server has not accepted yet. */
export type OutboxRow = Pick<Outgoing, keyof Key | "clientId" | "content" | "createdMs"> & {
  /** Set when the server has refused it, so that it is not sent again by itself. */
  refused?: { code: number; note: string };
};

/** Changes that belong together. Each field may be empty. */
export interface Batch {
  version?: number;
  conversations: ConversationRow[];
  messages: Message[];
  /** Entries that change messages, if those are held: see applyEntry. */
  changed: { conversation: string; seq: number; entry: Message }[];
  /** Messages, if they are held, that this account does not see any more. */
  hidden: { conversation: string; seq: number }[];
  outbox: OutboxRow[];
  /** Client ids that leave the outbox. */
  settled: string[];
  /** Messages below seq need no longer be held. */
  trim: { conversation: string; seq: number }[];
  records: StoredRecord[];
  /** Records that are no more, unless the store has a newer version: another tab may be further. */
  dropped: { table: string; key: string; version: number }[];
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
  messages(conversation: string, from: number, to: number): Promise<Message[]>;
  /** All records of one table. */
  records(table: string): Promise<StoredRecord[]>;
  /** Forgets everything. */
  clear(): Promise<void>;
  /** Lets go; no call follows. */
  close(): void;
}

/** An empty Batch. */
export function emptyBatch(): Batch {
  return {
    conversations: [],
    messages: [],
    changed: [],
    hidden: [],
    outbox: [],
    settled: [],
    trim: [],
    records: [],
    dropped: [],
  };
}

/**
 * What two tabs know of one conversation, put together. Every field only grows,
 * and what the tab that is further has delivered is in the shared store.
 */
export function mergeRows(a: ConversationRow, b: ConversationRow): ConversationRow {
  const further = b.delivered >= a.delivered ? b : a;
  const read = Math.max(a.read, b.read);
  const states = (b.teamVersion ?? 0) >= (a.teamVersion ?? 0) ? b : a;
  const setting = (b.setting?.version ?? 0) >= (a.setting?.version ?? 0) ? b.setting : a.setting;
  return {
    ...further,
    known: Math.max(a.known, b.known),
    read,
    peerRead: Math.max(a.peerRead, b.peerRead),
    timeMs: Math.max(a.timeMs, b.timeMs),
    unread: further.unread.filter((seq) => seq > read),
    ...(states.team && { team: states.team }),
    ...(states.teamVersion && { teamVersion: states.teamVersion }),
    ...(setting && { setting }),
  };
}

/** What two tabs know of one message, put together: held is in the store. */
export function mergeMessages(held: Message | undefined, m: Message): Message {
  const newer = held && held.asOf > m.asOf ? held : m;
  return held?.hidden && !newer.hidden ? hide(newer) : newer;
}
