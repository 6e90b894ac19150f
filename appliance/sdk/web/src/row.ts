// What a message or a cursor changes in a conversation's row.

import type { ConversationRow } from "./store";
import { type ConversationInfo, type Message, MessageType } from "./types";
import { withoutContent } from "./wire";

/** Unread messages that are looked at singly, for each conversation. */
const maxUnread = 1_000;

/** A conversation of which everything up to delivered is passed over. */
export function newRow(peer: string, delivered: number): ConversationRow {
  return {
    peer,
    delivered,
    known: delivered,
    read: 0,
    peerRead: 0,
    timeMs: 0,
    unread: [],
    countedFrom: delivered + 1,
  };
}

/** Takes m, which is next. */
export function append(row: ConversationRow, m: Message): void {
  row.delivered = m.seq;
  row.known = Math.max(row.known, m.seq);
  row.timeMs = Math.max(row.timeMs, m.timeMs);
  if (m.type === MessageType.Recall) {
    takeBack(row, m);
    return;
  }
  row.last = m;
  if (!m.own && !m.recalled && m.seq > row.read) {
    row.unread.push(m.seq);
    if (row.unread.length > maxUnread) {
      row.unread.shift();
      row.countedFrom = row.unread[0] ?? m.seq;
    }
  }
}

function takeBack(row: ConversationRow, recall: Message): void {
  row.unread = row.unread.filter((seq) => seq !== recall.refSeq);
  if (row.last?.seq === recall.refSeq) {
    row.last = withoutContent(row.last, recall.seq);
  }
}

/** Moves this account's read cursor; false when it has been there. */
export function moveRead(row: ConversationRow, seq: number): boolean {
  if (seq <= row.read) {
    return false;
  }
  row.read = seq;
  row.unread = row.unread.filter((unread) => unread > seq);
  return true;
}

/** What apps see of row. */
export function info(row: ConversationRow): ConversationInfo {
  return {
    peer: row.peer,
    lastSeq: row.delivered,
    readSeq: row.read,
    peerReadSeq: row.peerRead,
    unread: row.unread.length + Math.max(row.countedFrom - 1 - row.read, 0),
    ...(row.last && { lastMessage: row.last }),
    timeMs: row.timeMs,
  };
}

/** The latest change first; by name where that is the same. */
export function byTime(a: ConversationInfo, b: ConversationInfo): number {
  return b.timeMs - a.timeMs || (a.peer < b.peer ? -1 : 1);
}
