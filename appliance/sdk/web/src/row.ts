// What an entry or a cursor changes in a conversation's row.

import { applyEntry, concerns, hide } from "./entries";
import type { Key } from "./key";
import type { ConversationRow } from "./store";
import { type ConversationInfo, type Message, MessageType } from "./types";

/** Unread messages that are looked at singly, for each conversation. */
const maxUnread = 1_000;

/** A conversation of which everything up to delivered is passed over. */
export function newRow({ conversation, scene, peer }: Key, delivered: number): ConversationRow {
  return {
    conversation,
    scene,
    peer,
    delivered,
    known: delivered,
    read: 0,
    peerRead: 0,
    timeMs: 0,
    unread: [],
    countedFrom: delivered + 1,
    older: 0,
    counted: 0,
  };
}

/** Takes m, which is next. */
export function append(row: ConversationRow, m: Message): void {
  row.delivered = m.seq;
  row.known = Math.max(row.known, m.seq);
  row.timeMs = Math.max(row.timeMs, m.timeMs);
  if (row.last?.seq === concerns(m)) {
    row.last = applyEntry(row.last, m);
  }
  if (m.type === MessageType.Recall || (m.type === MessageType.Withdraw && !m.own)) {
    row.unread = row.unread.filter((seq) => seq !== m.refSeq);
  }
  if (m.type < MessageType.Recall && !m.hidden) {
    row.last = m;
  }
  if (isUnread(m) && m.seq > row.read) {
    row.unread.push(m.seq);
    if (row.unread.length > maxUnread) {
      row.unread.shift();
      row.older++;
      row.countedFrom = row.unread[0] ?? m.seq;
    }
  }
  if (row.counted > 0 && row.delivered >= row.counted) {
    const listed = row.unread.filter((seq) => seq <= row.counted).length;
    row.older = Math.max(row.older - listed, 0);
    row.counted = 0;
  }
}

/** Whether m is there for its reader to be read. */
function isUnread(m: Message): boolean {
  return (
    !m.own &&
    !m.recalled &&
    !m.hidden &&
    m.type < MessageType.Recall &&
    m.type !== MessageType.TeamNotice &&
    !m.options?.noBadge
  );
}

/**
 * Takes the server's own count of what is unread up to seq, for a conversation that
 * this device does not know from its beginning.
 */
export function countOlder(row: ConversationRow, unread: number, seq: number): void {
  if (row.countedFrom <= row.read + 1) {
    return; // all of it is looked at singly
  }
  row.older = unread;
  row.counted = seq;
  if (row.delivered >= seq) {
    row.older = Math.max(unread - row.unread.filter((one) => one <= seq).length, 0);
    row.counted = 0;
  }
}

/** Takes note that the account has deleted messages for itself. */
export function forget(row: ConversationRow, seqs: number[]): void {
  row.unread = row.unread.filter((seq) => !seqs.includes(seq));
  if (row.last && seqs.includes(row.last.seq)) {
    row.last = hide(row.last);
  }
}

/** Moves this account's read cursor; false when it has been there. */
export function moveRead(row: ConversationRow, seq: number): boolean {
  if (seq <= row.read) {
    return false;
  }
  row.read = seq;
  row.unread = row.unread.filter((unread) => unread > seq);
  if (seq >= row.countedFrom - 1 || (row.counted > 0 && seq >= row.counted)) {
    row.older = 0;
    row.counted = 0;
  }
  return true;
}

/** What apps see of row. */
export function info(row: ConversationRow): ConversationInfo {
  const { conversation, scene, peer, setting, team } = row;
  const cleared = setting?.clearedSeq ?? 0;
  const behind = row.countedFrom - 1 - Math.max(row.read, cleared);
  const listed = row.unread.filter((seq) => seq > cleared).length;
  // Until all that the server has counted is here, its count holds.
  const unread = row.counted > 0 ? Math.max(row.older, listed) : listed + Math.min(row.older, Math.max(behind, 0));
  return {
    conversation,
    scene,
    peer,
    lastSeq: row.delivered,
    readSeq: row.read,
    peerReadSeq: row.peerRead,
    unread,
    ...(row.last && row.last.seq > cleared && !row.last.hidden && { lastMessage: row.last }),
    timeMs: row.timeMs,
    top: setting?.top ?? false,
    muted: setting?.muted ?? false,
    markedUnread: setting?.markedUnread === true && row.read <= setting.markedSeq,
    removed: setting !== undefined && setting.removedSeq > 0 && row.known <= setting.removedSeq,
    ...(setting && { setting }),
    ...(team && { team }),
  };
}

/** Whether row belongs into the list of conversations. */
export function isListed(row: ConversationRow): boolean {
  const { removed } = info(row);
  return !removed && row.known > 0 && (row.scene === "p2p" || row.team?.standing === "member");
}

/** Top ones first, then the latest change; by name where that is the same. */
export function byTime(a: ConversationInfo, b: ConversationInfo): number {
  return Number(b.top) - Number(a.top) || b.timeMs - a.timeMs || (a.conversation < b.conversation ? -1 : 1);
}
