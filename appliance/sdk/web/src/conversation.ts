import { newId } from "./async";
import type { Init } from "./codec";
import type { Core } from "./core";
import { Emitter } from "./emitter";
import { UsageError } from "./errors";
import type { ConversationEvents } from "./events";
import { type Key, placeOf } from "./key";
import { checkSeq } from "./protojson";
import { info, newRow } from "./row";
import type { Content, ConversationInfo, HistoryPage, Message, Outgoing } from "./types";
import { entriesOf } from "./wire";
import * as wire from "./wire.gen";

/** Most messages in one page of history. */
const maxPage = 100;

/** The conversation with one account, or that of a team. Client.open and openTeam make it. */
export class Conversation extends Emitter<ConversationEvents> implements Key {
  readonly conversation: string;
  readonly scene: wire.Scene;
  /** The other account, or the team's number. */
  readonly peer: string;
  readonly #core: Core;

  /** @internal */
  constructor(core: Core, key: Key) {
    super();
    this.#core = core;
    this.conversation = key.conversation;
    this.scene = key.scene;
    this.peer = key.peer;
  }

  /** @internal */
  deliver<K extends keyof ConversationEvents>(name: K, ...args: ConversationEvents[K]): void {
    this.emit(name, ...args);
  }

  /** What is known of it now; all 0 when it does not exist yet. */
  get info(): ConversationInfo {
    return info(this.#row ?? newRow(this, 0));
  }

  get #row() {
    return this.#core.inbox.row(this.conversation);
  }

  /**
   * Entries with seq < before (default: the newest that have been delivered), at
   * most limit (1–100), ascending: from this browser as far as it has them, else
   * from the server. Offline it returns what this browser has.
   */
  async history(before?: number, limit = 50): Promise<HistoryPage> {
    const count = Math.min(limit, maxPage);
    if (!Number.isSafeInteger(count) || count < 1) {
      throw new UsageError("limit must be a whole number from 1 to 100");
    }
    if (before !== undefined) {
      checkSeq("before", before);
    } else if (!this.#row) {
      await this.#core.synced(); // it may be there without our knowing
    }
    const delivered = this.#row?.delivered ?? 0;
    const lowest = (this.#row?.setting?.clearedSeq ?? 0) + 1; // of what is there for this account
    const to = (before ?? delivered + 1) - 1;
    const from = Math.max(to - count + 1, lowest);
    if (to < lowest) {
      return { messages: [], more: false };
    }
    const held = endRun(await this.#core.writer.messages(this.conversation, from, to), to);
    if (held.length === to - from + 1) {
      return { messages: held.map((m) => this.#core.inbox.current(m)), more: from > lowest };
    }
    return this.#fromServer(held, from, to);
  }

  async #fromServer(held: Message[], from: number, to: number): Promise<HistoryPage> {
    const core = this.#core;
    let older: Message[];
    let lowest: number;
    try {
      // Reverse: should an answer be cut for its size, it lacks the oldest.
      const range = { fromSeq: from, toSeq: to - held.length, limit: to - held.length - from + 1, reverse: true };
      const answer = await this.#read(range);
      older = answer.messages.filter((m) => m.seq >= from && m.seq <= to);
      lowest = Math.max(answer.firstSeq, 1);
    } catch (err) {
      if (held.length > 0 && !core.calls.connected) {
        return { messages: held, more: true };
      }
      throw err;
    }
    const delivered = this.#row?.delivered ?? 0;
    for (const m of older) {
      core.writer.message(m, delivered);
    }
    const messages = [...older, ...held];
    const first = messages[0]?.seq ?? lowest;
    return { messages, more: first > lowest };
  }

  /** Reads from the server; ascending. */
  async #read(range: Init<Omit<wire.HistoryRequest, "scene" | "peer">>) {
    const core = this.#core;
    const known = this.#row?.delivered ?? 0; // the answer has what these entries have changed
    const answer = await core.calls.call(wire.history, { ...placeOf(this), ...range });
    const messages = entriesOf(this.conversation, answer.messages, core.settings.account, known);
    return { messages: messages.map((m) => core.inbox.current(m)), more: answer.more, firstSeq: answer.firstSeq };
  }

  /**
   * Asks the server for entries by time, type or id, ascending; the result has gaps. At most
   * limit (1–100) at once: the oldest of the range, or with reverse the newest.
   */
  async find(what: Find): Promise<{ messages: Message[]; more: boolean }> {
    const { messages, more } = await this.#read(what);
    return { messages, more };
  }

  /** Sends a message: at once when connected, else as soon as that is so, also after a reload. */
  send(content: string | Content): Outgoing {
    return this.#core.outbox.send(this, content);
  }

  /** Messages of this client that have no place in the conversation yet, in the order of send. */
  pending(): Outgoing[] {
    return this.#core.outbox.pending(this.conversation);
  }

  /** Sends a failed message again. */
  retry(clientId: string): void {
    this.#core.outbox.retry(clientId);
  }

  /** Gives up a message that failed or waits. One that is just being sent may arrive. */
  discard(clientId: string): void {
    this.#core.outbox.discard(clientId);
  }

  /**
   * Moves the account's read cursor to seq (default: everything delivered). Here
   * that holds at once; the result resolves when the server knows. While
   * offline it is told at the next connection.
   */
  async markRead(seq?: number): Promise<void> {
    const row = this.#row;
    const target = seq ?? row?.delivered ?? 0;
    if (target < 1) {
      return;
    }
    checkSeq("seq", target);
    if (row) {
      this.#core.inbox.moveRead(row, Math.min(target, row.known));
    }
    await this.#core.reads.tell(this, target);
  }

  /**
   * Takes back the own message with this seq; the server allows it for a limited time
   * (508 after that). In a team, who manages it may take back others' messages too.
   */
  async recall(seq: number, note = ""): Promise<void> {
    checkSeq("seq", seq);
    this.#exists(await this.#core.calls.call(wire.recall, { ...placeOf(this), seq, clientId: newId(), note }));
  }

  /** Replaces the content of an own text or custom message, for a limited time (508 after that). */
  async edit(seq: number, body: string, ext = ""): Promise<void> {
    checkSeq("seq", seq);
    this.#exists(await this.#core.calls.call(wire.edit, { ...placeOf(this), seq, clientId: newId(), body, ext }));
  }

  /** Gives a message an emoji, of 1 to 32 bytes, or takes it back. Done already, it changes nothing. */
  async react(seq: number, emoji: string, undo = false): Promise<void> {
    checkSeq("seq", seq);
    this.#exists(await this.#core.calls.call(wire.react, { ...placeOf(this), seq, emoji, undo }));
  }

  /** Who has given a message an emoji: the page of at most limit (1–200) accounts after the given one. */
  reactions(seq: number, emoji: string, after = "", limit = 100): Promise<wire.ReactionsResponse> {
    checkSeq("seq", seq);
    return this.#core.calls.call(wire.reactions, { ...placeOf(this), seq, emoji, after, limit });
  }

  /** Pins a message for all who read the conversation, or unpins it. In a team only who manages it may (802). */
  async pin(seq: number, undo = false): Promise<void> {
    checkSeq("seq", seq);
    this.#exists(await this.#core.calls.call(wire.pin, { ...placeOf(this), seq, undo }));
  }

  /** The pinned messages after afterSeq, at most 50, in the order of the log. */
  async pins(afterSeq = 0): Promise<{ pins: { message: Message; by: string; timeMs: number }[]; more: boolean }> {
    const answer = await this.#core.calls.call(wire.pins, { ...placeOf(this), afterSeq });
    const pins = answer.pins.flatMap(({ message, by, timeMs }) =>
      this.#entries(message ? [message] : []).map((m) => ({ message: m, by, timeMs })),
    );
    return { pins, more: answer.more };
  }

  /** The replies after afterSeq in the thread of root, at most limit (1–100), oldest first; root comes with the first page. */
  async thread(
    root: number,
    afterSeq = 0,
    limit = 100,
  ): Promise<{ root?: Message; messages: Message[]; more: boolean }> {
    checkSeq("root", root);
    const answer = await this.#core.calls.call(wire.thread, { ...placeOf(this), rootSeq: root, afterSeq, limit });
    const [first] = this.#entries(answer.root ? [answer.root] : []);
    return { ...(first && { root: first }), messages: this.#entries(answer.messages), more: answer.more };
  }

  /** Deletes 1 to 100 messages for this account alone, on all its devices. */
  async deleteForMe(seqs: number[]): Promise<void> {
    for (const seq of seqs) {
      checkSeq("seqs", seq);
    }
    await this.#core.calls.call(wire.deleteMessages, { ...placeOf(this), seqs });
    this.#core.deletions.own(this, seqs);
  }

  #entries(all: wire.Message[]): Message[] {
    const { settings, inbox } = this.#core;
    return entriesOf(this.conversation, all, settings.account, 0).map((m) => inbox.current(m));
  }

  /** An answer's seq is that of the entry that tells the change. */
  #exists({ seq }: { seq: number }): void {
    this.#core.inbox.exists(this, seq);
  }

  /** Puts the conversation before the others, or back among them; 419: 100 are there already. */
  setTop(top: boolean): Promise<void> {
    return this.#core.arrangement.set(this, { top });
  }

  /** Its messages make no noise, or do again. They count as unread as ever. */
  setMuted(muted: boolean): Promise<void> {
    return this.#core.arrangement.set(this, { muted });
  }

  /** Makes it look unread until it is read further, or taken back. */
  setMarkedUnread(markedUnread: boolean): Promise<void> {
    return this.#core.arrangement.set(this, { markedUnread });
  }

  /** Keeps the app's own data with the conversation, at most 1024 bytes. */
  setExt(ext: string): Promise<void> {
    return this.#core.arrangement.set(this, { ext });
  }

  /** Takes it out of the list until its next entry; with clear it does what clear does too. */
  remove(options: { clear?: boolean } = {}): Promise<void> {
    return this.#core.arrangement.remove(this, options.clear ?? false);
  }

  /** Hides what was written up to seq (default: all) from this account, for good. The other side keeps it. */
  clear(seq = 0): Promise<void> {
    return this.#core.arrangement.clear(this, seq);
  }
}

/** What find asks for; ids excludes the others. */
export type Find = Init<Omit<wire.HistoryRequest, "scene" | "peer">>;

/** The messages at the end of held that are gapless up to seq to. */
function endRun(held: Message[], to: number): Message[] {
  let next = to;
  let start = held.length;
  while (start > 0 && held[start - 1]?.seq === next) {
    start--;
    next--;
  }
  return held.slice(start);
}
