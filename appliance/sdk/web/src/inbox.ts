import { BehindList, type Live, newLive } from "./behind";
import { Early } from "./early";
import { applyEntry, concerns, hide } from "./entries";
import { type Key, keyOf } from "./key";
import { append, countOlder, forget, moveRead, newRow } from "./row";
import type { ConversationRow } from "./store";
import { type Logger, type Message, MessageType } from "./types";
import type { ConversationSetting, ConversationState, ReadPush, SyncResponse, TeamState } from "./wire.gen";
import type { Writer } from "./writer";

/** How long a gap may close by itself before history is asked: an answer and a push race. */
const gapGrace = 50;
/** Messages beyond a gap that are held, in all conversations; history has the others. */
const maxEarly = 256;
/** Entries about entries, and deletions, that are remembered for each conversation. */
const maxRecent = 64;
/** Syncs in a row that may find the site behind us before that is believed: a follower may lag. */
const maxSiteBehinds = 3;

/** What the inbox tells, per conversation in the order of seq. */
export interface Listener {
  message(m: Message, live: boolean): void;
  recall(entry: Message): void;
  /** The entry changes another one, but does not recall it. */
  update(entry: Message): void;
  missing(key: Key, fromSeq: number, toSeq: number): void;
  read(key: Key, by: "peer" | "self", seq: number): void;
  /** What the account is to the team, or its settings there, have changed. */
  team(key: Key, state: TeamState): void;
  changed(key: Key): void;
  /** An own message has its place: it is no longer on its way. */
  settled(m: Message): void;
  /** The server's read cursor is behind ours. */
  readBehind(key: Key, seq: number): void;
  reset(): void;
}

/**
 * Inbox turns what arrives, in whatever order and number, into deliveries that
 * are right: per conversation in the order of seq, gapless, once. A message that
 * is next is delivered at once. Anything else moves "known" and puts the
 * conversation on the list of those that are behind; CatchUp reads what is
 * missing from the server's history.
 */
export class Inbox {
  readonly behind = new BehindList();
  readonly #conversations = new Map<string, Live>();
  readonly #early = new Early(maxEarly);
  #version = 0;
  #synced = false; // a sync has come to its end, on this page or an earlier one
  #siteBehinds = 0;
  #stopped = false;

  constructor(
    private readonly self: string,
    private readonly backlog: number,
    private readonly writer: Writer,
    private readonly listener: Listener,
    private readonly logger: Logger,
  ) {}

  /** Takes what an earlier page has left. */
  load(version: number | undefined, rows: ConversationRow[]): void {
    this.#version = version ?? 0;
    this.#synced = version !== undefined;
    for (const row of rows) {
      const conv = newLive(row);
      this.#conversations.set(row.conversation, conv);
      this.behind.add(conv);
    }
  }

  /** Reached by sync; 0 is the beginning. */
  get version(): number {
    return this.#version;
  }

  /** A sync has come to its end, on this page or an earlier one. */
  get synced(): boolean {
    return this.#synced;
  }

  rows(): ConversationRow[] {
    return [...this.#conversations.values()].map((conv) => conv.row);
  }

  row(conversation: string): ConversationRow | undefined {
    return this.#conversations.get(conversation)?.row;
  }

  /** Takes a message that has just happened, from a push or our own send. */
  offer(m: Message): void {
    if (this.#stopped) {
      return;
    }
    const conv = this.#conversation(m, m.seq);
    conv.row.known = Math.max(conv.row.known, m.seq);
    if (m.seq > conv.row.delivered + 1) {
      if (!conv.listed) {
        conv.notBefore = Date.now() + gapGrace;
      }
      this.#early.keep(m);
    } else if (m.seq === conv.row.delivered + 1) {
      this.#deliver(conv, m, true);
    }
    this.behind.add(conv);
  }

  /** From now on nothing is delivered: the app has closed the client. */
  stop(): void {
    this.#stopped = true;
  }

  /** Takes note that the conversation goes up to seq; history has it. */
  exists(key: Key, seq: number): void {
    if (seq < 1 || this.#stopped) {
      return;
    }
    const conv = this.#conversation(key, seq);
    conv.row.known = Math.max(conv.row.known, seq);
    this.behind.add(conv);
  }

  /** Takes a message that was missed; false when something before it is missing too. */
  place(conv: Live, m: Message): boolean {
    if (!this.#holds(conv)) {
      return true; // of a site that is no more, see siteBehind
    }
    if (m.seq > conv.row.delivered + 1) {
      return false;
    }
    if (m.seq === conv.row.delivered + 1) {
      this.#deliver(conv, m, false);
    }
    return true;
  }

  /** Gives up the messages up to seq to, which the server does not have. */
  skip(conv: Live, to: number): void {
    const from = conv.row.delivered + 1;
    if (to < from || !this.#holds(conv)) {
      return;
    }
    this.logger.warn("the server no longer has messages that this device missed", { fromSeq: from, toSeq: to });
    conv.row.delivered = to;
    conv.holes = 0;
    this.writer.row(conv.row);
    this.listener.missing(conv.row, from, to);
    this.#deliverEarly(conv);
  }

  /** Makes first the earliest entry to deliver; nothing is missing by that. */
  startAt(conv: Live, first: number): void {
    if (first - 1 <= conv.row.delivered || !this.#holds(conv)) {
      return;
    }
    conv.row.delivered = first - 1;
    conv.holes = 0;
    this.writer.row(conv.row);
    this.#deliverEarly(conv);
  }

  #conversation(key: Key, seq: number): Live {
    let conv = this.#conversations.get(key.conversation);
    if (!conv) {
      // A device that has synced once knows every conversation older than its
      // version: this one is new, and all of it is delivered. A new device
      // starts near the end.
      const delivered = !this.#synced ? Math.max(seq - this.backlog, 0) : 0;
      conv = newLive(newRow(key, delivered));
      this.#conversations.set(key.conversation, conv);
    }
    return conv;
  }

  /** Delivers m, which is next, and what becomes next by that. */
  #deliver(conv: Live, m: Message, live: boolean): void {
    this.#deliverOne(conv, m, live);
    this.#deliverEarly(conv);
  }

  #deliverEarly(conv: Live): void {
    for (;;) {
      const m = this.#stopped ? undefined : this.#early.take(conv.row.conversation, conv.row.delivered + 1);
      if (!m) {
        return;
      }
      this.#deliverOne(conv, m, true);
    }
  }

  #deliverOne(conv: Live, m: Message, live: boolean): void {
    const { row } = conv;
    conv.holes = 0;
    append(row, m);
    this.writer.message(m, m.seq);
    this.writer.row(row);
    if (m.own) {
      this.listener.settled(m);
    }
    if (concerns(m) > 0) {
      this.writer.changed(row.conversation, concerns(m), m);
      conv.recent.push(m);
      if (conv.recent.length > maxRecent) {
        conv.recent.shift();
      }
    }
    if (m.type === MessageType.Recall) {
      this.listener.recall(m);
    } else if (m.type > MessageType.Recall) {
      this.listener.update(m);
    } else {
      this.listener.message(m, live);
    }
    this.listener.changed(row);
  }

  /** m, of an answer of history, as it is now: that was made before the latest entries. */
  current(m: Message): Message {
    const conv = this.#conversations.get(m.conversation);
    const now = conv?.recent.reduce(applyEntry, m) ?? m;
    return conv?.deleted.has(m.seq) ? hide(now) : now;
  }

  /** The account has deleted messages for itself; false when it has no such conversation here. */
  forgetMessages(key: Key, seqs: number[]): boolean {
    const conv = this.#conversations.get(key.conversation);
    if (!conv || this.#stopped) {
      return false;
    }
    for (const seq of seqs) {
      conv.deleted.add(seq);
    }
    for (const seq of conv.deleted) {
      if (conv.deleted.size <= maxRecent) {
        break;
      }
      conv.deleted.delete(seq);
    }
    forget(conv.row, seqs);
    this.writer.hidden(key.conversation, seqs);
    this.writer.row(conv.row);
    this.listener.changed(conv.row);
    return true;
  }

  /** Takes how the account has arranged a conversation; false when something newer is known. */
  arrange(setting: ConversationSetting): boolean {
    const key = keyOf(setting.scene, setting.peer);
    const conv = this.#conversations.get(key.conversation);
    if (!conv || this.#stopped) {
      return false;
    }
    const { row } = conv;
    if (setting.version <= (row.setting?.version ?? 0)) {
      return false;
    }
    const cleared = setting.clearedSeq > (row.setting?.clearedSeq ?? 0);
    row.setting = setting;
    if (cleared) {
      row.unread = row.unread.filter((seq) => seq > setting.clearedSeq);
      this.writer.trim(key.conversation, setting.clearedSeq + 1);
    }
    this.writer.row(row);
    this.listener.changed(row);
    return true;
  }

  /** Ends what behind.take began. */
  putBack(conv: Live): void {
    if (this.#holds(conv)) {
      this.behind.putBack(conv);
    }
  }

  #holds(conv: Live): boolean {
    return !this.#stopped && this.#conversations.get(conv.row.conversation) === conv;
  }

  /** Takes one page of sync. */
  takeSync(page: SyncResponse): void {
    if (this.#stopped) {
      return;
    }
    for (const state of page.conversations) {
      this.#syncedOne(state);
    }
    // What a new device has not seen of the first sync must stay "not known"
    // for it (see #conversation), so the version counts from the last page on.
    this.#synced ||= !page.more;
    if (this.#synced) {
      this.#version = Math.max(this.#version, page.version);
      this.writer.version(this.#version);
    }
    this.#siteBehinds = 0;
  }

  #syncedOne(state: ConversationState): void {
    if (state.scene === "team") {
      this.teamState(state);
      return;
    }
    const conv = this.#conversation(keyOf(state.scene, state.peer), state.lastSeq);
    if (!this.#synced) {
      this.startAt(conv, state.firstSeq); // a new device has missed nothing
    }
    this.#reaches(conv, state);
    if (state.readSeq < conv.row.read) {
      this.listener.readBehind(conv.row, conv.row.read);
    }
    this.#movePeerRead(conv.row, state.peerReadSeq);
  }

  /** Takes what a sync or a push tells of a team, unless something newer is known. */
  teamState(state: ConversationState): void {
    if (this.#stopped || state.scene !== "team" || !state.team) {
      return;
    }
    const key = keyOf("team", state.peer);
    const known = this.#conversations.get(key.conversation);
    if (known && state.version < (known.row.teamVersion ?? 0)) {
      return;
    }
    const member = state.team.standing === "member";
    const conv = this.#conversation(key, member ? state.lastSeq : 0);
    const { row } = conv;
    const news = JSON.stringify(row.team) !== JSON.stringify(state.team);
    const joined = member && row.team?.standing !== "member";
    row.team = state.team;
    row.teamVersion = state.version;
    if (member) {
      // What is before was never this account's to read, unless the rest was deleted.
      if (!this.#synced || joined || state.firstSeq > state.floorSeq) {
        this.startAt(conv, state.firstSeq);
      }
      this.#reaches(conv, state);
    } else {
      this.#early.forget(row.conversation);
      row.known = row.delivered; // nothing more is readable
      row.timeMs = Math.max(row.timeMs, state.timeMs);
      this.writer.row(row);
      this.listener.changed(row);
    }
    if (news) {
      this.listener.team(row, state.team);
    }
  }

  /** What the states of all conversations tell. */
  #reaches(conv: Live, state: ConversationState): void {
    const { row } = conv;
    row.known = Math.max(row.known, state.lastSeq);
    row.timeMs = Math.max(row.timeMs, state.timeMs);
    conv.notBefore = 0;
    if (state.setting) {
      this.arrange(state.setting);
    }
    if (state.readSeq > row.read) {
      this.moveRead(row, state.readSeq);
      this.listener.read(row, "self", state.readSeq);
    }
    if (state.readSeq === row.read) {
      countOlder(row, state.unread, state.lastSeq);
    }
    this.writer.row(row);
    this.listener.changed(row);
    this.behind.add(conv);
  }

  /** Takes a read cursor that someone else has moved. */
  readPush(p: ReadPush): void {
    if (p.seq < 1 || this.#stopped) {
      return;
    }
    const own = p.reader === this.self;
    const conv = this.#conversation(keyOf(p.scene, own ? p.peer : p.reader), p.seq);
    conv.row.known = Math.max(conv.row.known, p.seq);
    if (!own) {
      this.#movePeerRead(conv.row, p.seq);
    } else if (p.seq > conv.row.read) {
      this.moveRead(conv.row, p.seq);
      this.listener.read(conv.row, "self", p.seq);
    }
    this.behind.add(conv);
  }

  /** Moves our read cursor on. */
  moveRead(row: ConversationRow, seq: number): void {
    if (moveRead(row, seq)) {
      this.writer.row(row);
      this.listener.changed(row);
    }
  }

  #movePeerRead(row: ConversationRow, seq: number): void {
    if (seq > row.peerRead) {
      row.peerRead = seq;
      this.writer.row(row);
      this.listener.read(row, "peer", seq);
      this.listener.changed(row);
    }
  }

  /**
   * Takes note that the site's version is smaller than ours. When that stays so,
   * the site was restored from a backup or is another one, and its seqs are not
   * those that we know: siteBehind starts over and reports it.
   */
  siteBehind(): boolean {
    if (++this.#siteBehinds < maxSiteBehinds) {
      return false;
    }
    this.logger.warn("the site has lost data or is another one: this device starts as a new one");
    this.#siteBehinds = 0;
    this.forget();
    this.listener.reset();
    return true;
  }

  /** Makes this a new device, but for what the store holds. */
  forget(): void {
    this.#conversations.clear();
    this.behind.clear();
    this.#early.clear();
    this.#version = 0;
    this.#synced = false;
  }
}
