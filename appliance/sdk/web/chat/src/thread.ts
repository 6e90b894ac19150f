// A chat with one other account, or that of a team.

import {
  applyEntry,
  Code,
  concerns,
  type Conversation,
  type Message,
  MessageType,
  type Outgoing,
  ServerError,
} from "../../src/index";
import { Composer } from "./composer";
import { announce, button, coalesce, h, toast } from "./dom";
import { textOf } from "./format";
import { type Action, type Entry, Log, type Mark } from "./log";
import { mediaElement, mediaOf } from "./media";
import { noticeText } from "./notices";
import type { Pane } from "./pane";
import type { People } from "./people";

/** Messages of one page of history. */
const pageSize = 50;
/** More entries than mostEntries are cut to fewEntries when the reader is at the end. */
const mostEntries = 600;
const fewEntries = 300;

export class Thread implements Pane {
  readonly title: string;
  readonly body: HTMLElement;
  readonly foot: HTMLElement;
  readonly #conversation: Conversation;
  readonly #people: People;
  readonly #log: Log;
  readonly #composer: Composer;
  readonly #entries = new Map<number, Message>();
  readonly #gaps = new Map<number, number>(); // first missing seq → last
  readonly #stop: (() => void)[] = [];
  readonly #refreshSoon = coalesce(() => this.refresh());
  #oldest = 0; // seq of the first entry; 0: nothing is loaded
  #more = true;
  #loading = false;
  #failed = false;
  #closed = false;
  #atEnd = true;
  #newAfter = Infinity; // messages after this seq were new when the thread was opened
  #replyTo: Message | undefined;
  #uploading: AbortController | undefined;

  constructor(people: People, conversation: Conversation, draft: string, keep: (draft: string) => void) {
    const { client, files } = people;
    this.#people = people;
    this.title = conversation.peer;
    this.#conversation = conversation;
    this.#log = new Log({
      label: `Messages with ${this.name}`,
      senders: conversation.scene === "team",
      act: (action, entry) => this.#act(action, entry),
      react: (entry, emoji, undo) => this.#react(Number(entry.key), emoji, undo),
      media: (media) => mediaElement(media, files),
      atEnd: (at) => {
        this.#atEnd = at;
        this.#read();
      },
      wantsOlder: () => this.#loadOlder(),
    });
    this.#composer = new Composer(
      `Message to ${this.name}`,
      draft,
      (text) => {
        conversation.send(this.#replyTo ? { body: text, replyTo: this.#replyTo.seq } : text);
        this.#reply(undefined);
        this.#newAfter = Infinity;
        this.refresh();
        this.#log.toEnd();
      },
      keep,
      { attach: (file) => void this.#attach(file) },
    );
    this.body = this.#log.element;
    this.foot = this.#composer.element;
    this.#stop.push(
      conversation.on("message", (message, { live }) => this.#arrived(message, live)),
      conversation.on("recall", ({ entry }) => this.#arrived(entry, false)),
      conversation.on("update", ({ entry }) => this.#arrived(entry, false)),
      conversation.on("deletion", ({ seqs }) => {
        for (const seq of seqs) this.#entries.delete(seq);
        this.#refreshSoon();
      }),
      conversation.on("missing", ({ fromSeq, toSeq }) => {
        this.#gaps.set(fromSeq, toSeq);
        this.#refreshSoon();
      }),
      conversation.on("outgoing", () => this.#refreshSoon()),
      conversation.on("read", () => this.#refreshSoon()),
      conversation.on("change", () => this.#refreshSoon()),
      client.on("reset", () => this.#reset()),
      client.on("state", ({ state }) => {
        if (state === "connected" && this.#failed) this.#loadOlder(true);
      }),
    );
    this.#loadOlder();
  }

  get name(): string {
    const { names, teamNames } = this.#people;
    return this.#conversation.scene === "team" ? teamNames.of(this.title) : names.of(this.title);
  }

  get subtitle(): string {
    if (this.#conversation.scene === "team") return this.#people.teamNames.size(this.title);
    return this.name === this.title ? "" : this.title;
  }

  focus(): void {
    this.#composer.focus();
  }

  close(): void {
    this.#closed = true;
    this.#uploading?.abort();
    for (const stop of this.#stop) stop();
    this.#log.close();
  }

  /** The page has become visible. */
  shown(): void {
    this.#read();
  }

  refresh(): void {
    if (this.#closed) return;
    const entries: Entry[] = [];
    let firstNew: string | undefined;
    const known = new Set<string>();
    const seqs = [...this.#entries.keys()].sort((a, b) => a - b);
    for (const seq of seqs) {
      const message = this.#entries.get(seq);
      if (!message) continue;
      if (message.own) known.add(message.clientId);
      if (message.type >= MessageType.Recall || message.hidden) continue; // about another entry, or nothing to show
      if (seq > this.#newAfter && !message.own) firstNew ??= String(seq);
      entries.push(this.#entry(message));
    }
    for (const [from, to] of this.#gaps) {
      const after = entries.findIndex((entry) => Number(entry.key) > to);
      if (after >= 0) entries.splice(after, 0, this.#gap(from, to, entries[after] as Entry));
    }
    for (const out of this.#conversation.pending()) {
      if (!known.has(out.clientId)) entries.push(this.#outgoing(out));
    }
    this.#log.show(entries, firstNew);
    this.#log.setUnseen(this.#conversation.info.unread);
    this.#showTop(entries.length);
  }

  #entry(message: Message): Entry {
    const { own, seq } = message;
    const { names } = this.#people;
    const name = names.of(message.from);
    const common = { key: String(seq), timeMs: message.timeMs, from: message.from, name, own };
    if (message.event) {
      return { ...common, kind: "note", text: noticeText(message.event, (account) => names.of(account)) };
    }
    if (message.recalled) {
      return { ...common, kind: "note", text: `${own ? "You" : name} recalled a message` };
    }
    const text = textOf(message.type, message.body);
    if (message.type === MessageType.Tip) return { ...common, kind: "note", text };
    const media = mediaOf(message);
    const quoted = message.replyTo > 0 ? this.#entries.get(message.replyTo) : undefined;
    const entry: Entry = {
      ...common,
      kind: "text",
      text,
      canReact: true,
      actions: own ? ["reply", "recall"] : ["reply"],
      ...(media && { media }),
      ...(message.replyTo > 0 && { quote: this.#quote(quoted) }),
      ...this.#changes(message),
    };
    if (!own) return entry;
    const mark: Mark = seq <= this.#conversation.info.peerReadSeq ? "read" : "sent";
    return { ...entry, mark };
  }

  #changes({ changes }: Message): Partial<Entry> {
    if (!changes) return {};
    const { names } = this.#people;
    return {
      edited: changes.edits > 0,
      pinned: changes.pinned,
      reactions: changes.reactions.map(({ emoji, count, mine, accounts }) => {
        return { emoji, count, mine, who: accounts.map((account) => names.of(account)).join(", ") };
      }),
    };
  }

  #quote(message: Message | undefined): { name: string; text: string } {
    if (!message || message.recalled || message.hidden) return { name: "", text: "An earlier message" };
    return { name: this.#people.names.of(message.from), text: textOf(message.type, message.body) };
  }

  /** Says what the next message answers; undefined: nothing. */
  #reply(message: Message | undefined): void {
    this.#replyTo = message;
    if (!message) {
      this.#composer.clearAbove();
      return;
    }
    const { name, text } = this.#quote(message);
    this.#composer.setAbove(`Reply to ${name}`, text, () => this.#reply(undefined));
    this.#composer.focus();
  }

  #react(seq: number, emoji: string, undo: boolean): void {
    this.#conversation.react(seq, emoji, undo).catch((error: Error) => toast(`Not done: ${error.message}`));
  }

  /** Uploads a file, then sends it. One at a time. */
  async #attach(file: File): Promise<void> {
    if (this.#uploading) {
      toast("Another file is being sent: wait for it, or cancel it.");
      return;
    }
    const abort = new AbortController();
    this.#uploading = abort;
    const tell = (sent: number, size: number) => {
      const part = size > 0 ? Math.floor((sent / size) * 100) : 100;
      this.#composer.setAbove("Sending", `${file.name} — ${part} %`, () => abort.abort());
    };
    tell(0, file.size);
    try {
      const { content } = await this.#people.files.upload(file, { signal: abort.signal, onProgress: tell });
      this.#conversation.send(content);
      this.#newAfter = Infinity;
      this.#log.toEnd();
    } catch (error) {
      if (!abort.signal.aborted) toast(`${file.name} was not sent: ${(error as Error).message}`);
    }
    this.#uploading = undefined;
    if (!this.#closed) this.#reply(this.#replyTo);
  }

  #outgoing(out: Outgoing): Entry {
    return {
      key: `out ${out.clientId}`,
      timeMs: out.timeMs ?? out.createdMs,
      from: "",
      name: "",
      own: true,
      kind: "text",
      text: textOf(out.type, out.body),
      mark: out.state,
      ...(out.state === "failed" ? { actions: ["retry", "discard"], problem: this.#reason(out.error) } : {}),
    };
  }

  #gap(from: number, to: number, next: Entry): Entry {
    const count = to - from + 1;
    return {
      key: `gap ${from}`,
      timeMs: next.timeMs,
      from: "",
      name: "",
      own: false,
      kind: "note",
      text: count === 1 ? "A message is no longer on the server" : `${count} messages are no longer on the server`,
    };
  }

  #reason(error: Error | undefined): string {
    if (!(error instanceof ServerError)) return "Not sent";
    if (error.code === Code.NotFound) return `There is no account “${this.title}”`;
    return error.note ? `Not sent: ${error.note}` : `Not sent (code ${error.code})`;
  }

  #arrived(message: Message, live: boolean): void {
    this.#entries.set(message.seq, message);
    const changed = this.#entries.get(concerns(message));
    if (changed) this.#entries.set(changed.seq, applyEntry(changed, message));
    if (this.#oldest === 0 && !this.#loading) this.#oldest = message.seq;
    if (live && !message.own && message.type < MessageType.Recall && !message.event) {
      announce(`${this.#people.names.of(message.from)}: ${textOf(message.type, message.body)}`);
    }
    this.#trim();
    this.#refreshSoon();
  }

  /** Everything that was shown is void. */
  #reset(): void {
    this.#entries.clear();
    this.#gaps.clear();
    this.#oldest = 0;
    this.#more = true;
    this.#newAfter = Infinity;
    this.#loadOlder();
  }

  /** Lets go of what is far above; scrolling up loads it again. */
  #trim(): void {
    if (!this.#atEnd || this.#entries.size <= mostEntries) return;
    const seqs = [...this.#entries.keys()].sort((a, b) => a - b);
    for (const seq of seqs.slice(0, -fewEntries)) this.#entries.delete(seq);
    this.#oldest = seqs[seqs.length - fewEntries] ?? 0;
    this.#more = true;
  }

  #loadOlder(again = false): void {
    if (this.#loading || !this.#more || this.#closed || (this.#failed && !again)) return;
    void this.#load();
  }

  async #load(): Promise<void> {
    const first = this.#oldest === 0;
    this.#loading = true;
    this.#failed = false;
    this.#showTop(this.#entries.size);
    try {
      const page = await this.#conversation.history(first ? undefined : this.#oldest, pageSize);
      if (this.#closed) return;
      for (const message of page.messages) {
        const held = this.#entries.get(message.seq);
        if (!held || held.asOf < message.asOf) this.#entries.set(message.seq, message);
      }
      this.#oldest = page.messages[0]?.seq ?? this.#oldest;
      this.#more = page.more;
    } catch {
      this.#failed = true;
    }
    if (this.#closed) return;
    const { unread, readSeq } = this.#conversation.info;
    if (first && !this.#failed && unread > 0) this.#newAfter = readSeq;
    this.refresh();
    if (first && !this.#log.toNew()) this.#log.toEnd();
    this.#loading = false; // from here on the place counts as one that the reader chose
    this.#showTop(this.#entries.size);
    if (this.#log.hasRoom) this.#loadOlder();
    this.#read();
  }

  #showTop(count: number): void {
    if (this.#failed) {
      const retry = button({ class: "link" }, () => this.#loadOlder(true), "Try again");
      this.#log.setTop(h("p", {}, "Earlier messages could not be loaded. ", retry));
    } else if (this.#loading) {
      this.#log.setTop(h("p", { class: "loading" }, "Loading messages…"));
    } else if (this.#more) {
      this.#log.setTop(h("p", { class: "loading" }, "…"));
    } else if (count === 0) {
      this.#log.setTop(h("p", { class: "hello" }, `Say hello to ${this.name} 👋`));
    } else {
      this.#log.setTop(h("p", {}, "This is where the conversation begins"));
    }
  }

  /** Moves the read cursor when the reader really sees the newest messages. */
  #read(): void {
    if (this.#loading || this.#closed || !this.#atEnd || document.visibilityState !== "visible") return;
    if (this.#conversation.info.unread === 0) return;
    // It is moved again when more comes; a failure is made good by the next one.
    this.#conversation.markRead().catch(() => {});
  }

  #act(action: Action, entry: Entry): void {
    const clientId = entry.key.replace(/^out /, "");
    if (action === "retry") this.#conversation.retry(clientId);
    if (action === "discard") this.#conversation.discard(clientId);
    if (action === "recall") this.#recall(Number(entry.key));
    if (action === "reply") this.#reply(this.#entries.get(Number(entry.key)));
    this.refresh();
  }

  #recall(seq: number): void {
    this.#conversation.recall(seq).catch((error: Error) => {
      const late = error instanceof ServerError && error.code === Code.RecallExpired;
      toast(late ? "It is too late to recall this message." : `The message was not recalled: ${error.message}`);
    });
  }
}
