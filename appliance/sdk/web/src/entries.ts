// Entries about entries: what they do to the message that they are about.

import { type Message, MessageType } from "./types";
import { MessageChanges, type Reaction } from "./wire.gen";

/** Accounts that a reaction names, as the server does; beyond them only the count grows. */
const maxNames = 20;

/** The seq of the message that entry changes; 0 when it changes none. */
export function concerns(entry: Message): number {
  return entry.type >= MessageType.Recall ? entry.refSeq : entry.threadRoot;
}

/**
 * The message m after entry, which concerns it: edited, with another reaction,
 * pinned, recalled, withdrawn, or with one more reply. It is a new object, or m when
 * it knows of the entry already, so that applying twice does no harm.
 */
export function applyEntry(m: Message, entry: Message): Message {
  if (entry.seq <= m.asOf || concerns(entry) !== m.seq) {
    return m;
  }
  return { ...change(m, entry), asOf: entry.seq };
}

function change(m: Message, entry: Message): Message {
  const changes = m.changes ?? MessageChanges.read({});
  switch (entry.type) {
    case MessageType.Recall:
      return withoutContent(m, entry.seq);
    case MessageType.Edit: {
      if (m.recalled || m.hidden || changes.editSeq >= entry.seq) {
        return m;
      }
      const edited = { ...changes, edits: changes.edits + 1, editedMs: entry.timeMs, editSeq: entry.seq };
      // An older edit has lost its content to a newer one, which follows.
      return entry.recalled || entry.hidden || entry.body === ""
        ? { ...m, changes: edited }
        : { ...m, body: entry.body, ext: entry.ext, changes: edited };
    }
    case MessageType.Reaction: {
      const reactions = react(changes.reactions, entry);
      return { ...m, changes: { ...changes, reactions } };
    }
    case MessageType.Pin:
      return { ...m, changes: { ...changes, pinned: !entry.op?.undone } };
    case MessageType.Withdraw:
      return m.own ? { ...m, changes: { ...changes, withdrawn: true } } : hide(m);
    default:
      if (entry.type >= MessageType.Recall || changes.lastReplySeq >= entry.seq) {
        return m;
      }
      return { ...m, changes: { ...changes, replies: changes.replies + 1, lastReplySeq: entry.seq } };
  }
}

/** Each account gives each emoji once. */
function react(before: Reaction[], entry: Message): Reaction[] {
  const { emoji = "", undone = false } = entry.op ?? {};
  const old = before.find((r) => r.emoji === emoji) ?? { emoji, count: 0, accounts: [], mine: false };
  const there = old.accounts.includes(entry.from) || (entry.own && old.mine);
  const whole = old.accounts.length === old.count;
  const next = { ...old, accounts: old.accounts.filter((account) => account !== entry.from) };
  if (entry.own) {
    next.mine = !undone;
  }
  if (undone) {
    next.count -= there || !whole ? 1 : 0;
  } else {
    next.count += there ? 0 : 1;
    if (there || next.accounts.length < maxNames) {
      next.accounts = there ? old.accounts : [...next.accounts, entry.from];
    }
  }
  const others = before.filter((r) => r !== old);
  if (next.count <= 0) {
    return others;
  }
  const at = before.indexOf(old);
  return at < 0 ? [...before, next] : before.map((r) => (r === old ? next : r));
}

/** A message whose content has been taken back by the entry refSeq. */
export function withoutContent(m: Message, refSeq: number): Message {
  const { changes: _, ...rest } = m;
  return { ...rest, body: "", ext: "", merged: [], recalled: true, refSeq };
}

/** A message that this account does not get to see any more. */
export function hide(m: Message): Message {
  const { changes: _, push: _push, origin: _origin, ...rest } = m;
  return { ...rest, body: "", ext: "", merged: [], mentions: [], hidden: true };
}
