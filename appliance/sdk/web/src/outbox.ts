import { newId, sleep } from "./async";
import { Backoff } from "./backoff";
import type { Calls } from "./calls";
import { Code, ServerError, UsageError } from "./errors";
import { type Key, keyOf } from "./key";
import type { OutboxRow } from "./store";
import type { Content, Logger, Message, Outgoing } from "./types";
import { content } from "./wire";
import * as wire from "./wire.gen";
import type { Writer } from "./writer";

/** Messages that may be on their way. */
const maxOutbox = 1_000;
/** The server knows client ids for a week: what is older is not sent again without being asked. */
const maxAge = 6 * 24 * 3600_000;
/** Pause before a message is sent again that the server failed to take. */
const minPause = 1_000;
const maxPause = 30_000;

/** What becomes of the messages. */
export interface OutboxListener {
  outgoing(o: Outgoing): void;
  /** The server has accepted the message now, as m, or (exists) at an earlier attempt. */
  accepted(m: wire.Message): void;
  exists(key: Key, seq: number): void;
  /** Seq up to which the conversation has been delivered. */
  delivered(conversation: string): number;
}

interface Entry {
  outgoing: Outgoing;
  /** Ends the attempts. */
  given: AbortController;
}

/**
 * Outbox sends messages: of each conversation one after another, in the order of
 * send, again on every connection until the server has accepted or refused it.
 * The server accepts each client id once. An entry stays until its message has
 * its place in the conversation.
 */
export class Outbox {
  readonly #entries = new Map<string, Entry>(); // by client id, in the order of send
  readonly #pumps = new Set<string>(); // conversations whose messages are being sent
  #running = false;

  constructor(
    private readonly calls: Calls,
    private readonly writer: Writer,
    private readonly listener: OutboxListener,
    private readonly logger: Logger,
  ) {}

  /** Takes what an earlier page has left. */
  load(rows: OutboxRow[]): void {
    for (const row of rows) {
      const { refused, ...rest } = row;
      let error = refused && new ServerError(refused.code, refused.note);
      if (!error && Date.now() - row.createdMs > maxAge) {
        error = new ServerError(Code.Timeout, "too old to be sent by itself");
      }
      const { type, body, ext } = content(row.content);
      const outgoing: Outgoing = {
        ...rest,
        type,
        body,
        ext,
        state: error ? "failed" : "sending",
        ...(error && { error }),
      };
      this.#entries.set(row.clientId, { outgoing, given: new AbortController() });
    }
  }

  /** Begins to send. */
  start(): void {
    this.#running = true;
    for (const { outgoing } of this.#entries.values()) {
      this.#pump(outgoing.conversation);
    }
  }

  rows(): OutboxRow[] {
    return [...this.#entries.values()].filter((e) => e.outgoing.state !== "sent").map((e) => rowOf(e.outgoing));
  }

  pending(conversation: string): Outgoing[] {
    return [...this.#entries.values()].map((e) => e.outgoing).filter((o) => o.conversation === conversation);
  }

  send({ scene, peer }: Key, what: string | Content): Outgoing {
    const given = content(what);
    const { type, body, ext } = given;
    if (this.#entries.size >= maxOutbox) {
      throw new UsageError(`${maxOutbox} messages wait to be sent: wait for some of them`);
    }
    const outgoing: Outgoing = {
      ...keyOf(scene, peer),
      clientId: newId(),
      type,
      body,
      ext,
      content: given,
      createdMs: Date.now(),
      state: "sending",
    };
    this.#entries.set(outgoing.clientId, { outgoing, given: new AbortController() });
    this.writer.outbox(rowOf(outgoing));
    this.listener.outgoing(outgoing);
    this.#pump(outgoing.conversation);
    return outgoing;
  }

  retry(clientId: string): void {
    const entry = this.#entries.get(clientId);
    if (entry?.outgoing.state !== "failed") {
      return;
    }
    const { error: _, ...rest } = entry.outgoing;
    this.#change(entry, { ...rest, state: "sending" });
    this.#pump(rest.conversation);
  }

  discard(clientId: string): void {
    const entry = this.#entries.get(clientId);
    if (entry && entry.outgoing.state !== "sent") {
      this.#entries.delete(clientId);
      this.writer.settled(clientId);
      entry.given.abort();
    }
  }

  /** m, which this account has sent, has its place in the conversation. */
  settled(m: Message): void {
    const entry = this.#entries.get(m.clientId);
    if (!entry || entry.outgoing.conversation !== m.conversation) {
      return;
    }
    this.#sent(entry, m.seq, m.id, m.timeMs);
    this.#entries.delete(m.clientId);
  }

  /** Forgets everything. */
  clear(): void {
    for (const entry of this.#entries.values()) {
      entry.given.abort();
    }
    this.#entries.clear();
  }

  #pump(name: string): void {
    if (this.#running && !this.#pumps.has(name)) {
      this.#pumps.add(name);
      void this.#sendAll(name).finally(() => this.#pumps.delete(name));
    }
  }

  async #sendAll(name: string): Promise<void> {
    for (;;) {
      const entry = [...this.#entries.values()].find(
        ({ outgoing }) => outgoing.conversation === name && outgoing.state === "sending",
      );
      if (!entry) {
        return;
      }
      await this.#sendOne(entry);
      if (this.calls.final) {
        return; // stays in the store for the next page
      }
    }
  }

  /** Returns when entry is no longer "sending", or the client has ended. */
  async #sendOne(entry: Entry): Promise<void> {
    const { scene, peer, clientId, content } = entry.outgoing;
    const request = { ...(scene !== "p2p" && { scene }), to: peer, clientId, ...content };
    const pauses = new Backoff(minPause, maxPause);
    while (entry.outgoing.state === "sending" && this.#entries.has(clientId)) {
      try {
        const answer = await this.calls.call(wire.send, request, {
          timeoutMs: Number.POSITIVE_INFINITY,
          signal: entry.given.signal,
        });
        this.#accepted(entry, answer);
        return;
      } catch (err) {
        if (this.calls.final || entry.given.signal.aborted) {
          return;
        }
        if (err instanceof ServerError && !err.temporary) {
          this.#change(entry, { ...entry.outgoing, state: "failed", error: err });
          return;
        }
        this.logger.warn("sending failed; trying again", { error: String(err) });
        await sleep(pauses.next(), entry.given.signal);
      }
    }
  }

  #accepted(entry: Entry, { seq, id, timeMs, duplicate }: wire.SendResponse): void {
    const { scene, peer, conversation, clientId, content, state } = entry.outgoing;
    if (state !== "sending") {
      return; // its message came before the answer
    }
    this.#sent(entry, seq, id, timeMs);
    if (seq <= this.listener.delivered(conversation)) {
      this.#entries.delete(clientId); // for who is online only, or sent long ago: nothing more will come of it
      return;
    }
    if (duplicate || content.forward || content.merged || content.replyTo) {
      this.listener.exists(entry.outgoing, seq); // the server has written a part of it
      return;
    }
    // Our own message is an entry like others: the server does not push it to
    // the session that sent it.
    const own = wire.Message.read({ ...wire.SendRequest.init(content), clientId, seq, id, timeMs });
    this.listener.accepted({ ...own, scene, to: peer });
  }

  #sent(entry: Entry, seq: number, id: string, timeMs: number): void {
    if (entry.outgoing.state !== "sent") {
      const { error: _, ...rest } = entry.outgoing;
      entry.outgoing = { ...rest, state: "sent", seq, id, timeMs };
      this.writer.settled(rest.clientId);
      this.listener.outgoing(entry.outgoing);
      entry.given.abort();
    }
  }

  #change(entry: Entry, outgoing: Outgoing): void {
    entry.outgoing = outgoing;
    this.writer.outbox(rowOf(outgoing));
    this.listener.outgoing(outgoing);
  }
}

function rowOf(o: Outgoing): OutboxRow {
  const { conversation, scene, peer, clientId, content, createdMs, error } = o;
  const row: OutboxRow = { conversation, scene, peer, clientId, content, createdMs };
  if (error instanceof ServerError) {
    row.refused = { code: error.code, note: error.note };
  }
  return row;
}
