import { newId } from "./async";
import type { Core } from "./core";
import { Emitter } from "./emitter";
import { UsageError } from "./errors";
import type { ConversationEvents } from "./events";
import { checkSeq, int, objects } from "./protojson";
import { info, newRow } from "./row";
import type { Content, ConversationInfo, HistoryPage, Message, Outgoing } from "./types";
import { message } from "./wire";

/** Most messages in one page of history. */
const maxPage = 100;

/** The conversation with one peer. Client.open makes it. */
export class Conversation extends Emitter<ConversationEvents> {
  readonly #core: Core;

  /** @internal */
  constructor(
    core: Core,
    readonly peer: string,
  ) {
    super();
    this.#core = core;
  }

  /** @internal */
  deliver<K extends keyof ConversationEvents>(name: K, ...args: ConversationEvents[K]): void {
    this.emit(name, ...args);
  }

  /** What is known of it now; all 0 when it does not exist yet. */
  get info(): ConversationInfo {
    return info(this.#core.inbox.row(this.peer) ?? newRow(this.peer, 0));
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
    } else if (!this.#core.inbox.row(this.peer)) {
      await this.#core.synced(); // it may be there without our knowing
    }
    const delivered = this.#core.inbox.row(this.peer)?.delivered ?? 0;
    const to = (before ?? delivered + 1) - 1;
    const from = Math.max(to - count + 1, 1);
    if (to < 1) {
      return { messages: [], more: false };
    }
    const held = endRun(await this.#core.writer.messages(this.peer, from, to), to);
    if (held.length === to - from + 1) {
      return { messages: held.map((m) => this.#core.inbox.current(m)), more: from > 1 };
    }
    return this.#fromServer(held, from, to);
  }

  async #fromServer(held: Message[], from: number, to: number): Promise<HistoryPage> {
    const core = this.#core;
    let older: Message[];
    try {
      // Reverse: should an answer be cut for its size, it lacks the oldest.
      const range = { fromSeq: from, toSeq: to - held.length, limit: to - held.length - from + 1, reverse: true };
      const answer = await core.calls.call("history", { peer: this.peer, ...range });
      older = objects(answer.messages)
        .map((m) => message(m, core.settings.account))
        .filter((m): m is Message => m?.peer === this.peer && m.seq >= from && m.seq <= to)
        .map((m) => core.inbox.current(m))
        .sort((a, b) => a.seq - b.seq);
    } catch (err) {
      if (held.length > 0 && !core.calls.connected) {
        return { messages: held, more: true };
      }
      throw err;
    }
    const delivered = core.inbox.row(this.peer)?.delivered ?? 0;
    for (const m of older) {
      core.writer.message(m, delivered);
    }
    const messages = [...older, ...held];
    const first = messages[0]?.seq ?? 1;
    return { messages, more: first > 1 };
  }

  /** Sends a message: at once when connected, else as soon as that is so, also after a reload. */
  send(content: string | Content): Outgoing {
    return this.#core.outbox.send(this.peer, content);
  }

  /** Messages of this client that have no place in the conversation yet, in the order of send. */
  pending(): Outgoing[] {
    return this.#core.outbox.pending(this.peer);
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
    const row = this.#core.inbox.row(this.peer);
    const target = seq ?? row?.delivered ?? 0;
    if (target < 1) {
      return;
    }
    checkSeq("seq", target);
    if (row) {
      this.#core.inbox.moveRead(row, Math.min(target, row.known));
    }
    await this.#core.reads.tell(this.peer, target);
  }

  /** Takes back the own message with this seq; the server allows it for a limited time (508 after that). */
  async recall(seq: number, note = ""): Promise<void> {
    checkSeq("seq", seq);
    const answer = await this.#core.calls.call("recall", { peer: this.peer, seq, clientId: newId(), note });
    this.#core.inbox.exists(this.peer, int(answer.seq));
  }
}

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
