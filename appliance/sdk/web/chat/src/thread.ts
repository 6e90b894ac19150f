// A chat with one other account.

import {
  type Client,
  Code,
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
import type { Names } from "./names";
import type { Pane } from "./pane";

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
  readonly #names: Names;
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

  constructor(client: Client, peer: string, names: Names, draft: string, keep: (draft: string) => void) {
    this.#names = names;
    this.title = peer;
    const conversation = client.open(peer);
    this.#conversation = conversation;
    this.#log = new Log({
      label: `Messages with ${names.of(peer)}`,
      senders: false,
      act: (action, entry) => this.#act(action, entry),
      atEnd: (at) => {
        this.#atEnd = at;
        this.#read();
      },
      wantsOlder: () => this.#loadOlder(),
    });
    this.#composer = new Composer(
      `Message to ${names.of(peer)}`,
      draft,
      (text) => {
        conversation.send(text);
        this.#newAfter = Infinity;
        this.refresh();
        this.#log.toEnd();
      },
      keep,
    );
    this.body = this.#log.element;
    this.foot = this.#composer.element;
    this.#stop.push(
      conversation.on("message", (message, { live }) => this.#arrived(message, live)),
      conversation.on("recall", ({ seq }) => this.#recalled(seq)),
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

  get subtitle(): string {
    return this.#names.of(this.title) === this.title ? "" : this.title;
  }

  focus(): void {
    this.#composer.focus();
  }

  close(): void {
    this.#closed = true;
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
      if (message.type === MessageType.Recall) continue;
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
    const name = this.#names.of(message.from);
    const common = { key: String(seq), timeMs: message.timeMs, from: message.from, name, own };
    if (message.recalled) {
      return { ...common, kind: "note", text: `${own ? "You" : name} recalled a message` };
    }
    const text = textOf(message.type, message.body);
    if (message.type === MessageType.Tip) return { ...common, kind: "note", text };
    if (!own) return { ...common, kind: "text", text };
    const mark: Mark = seq <= this.#conversation.info.peerReadSeq ? "read" : "sent";
    return { ...common, kind: "text", text, mark, actions: ["recall"] };
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
    if (this.#oldest === 0 && !this.#loading) this.#oldest = message.seq;
    if (live && !message.own && message.type !== MessageType.Recall) {
      announce(`${this.#names.of(message.from)}: ${textOf(message.type, message.body)}`);
    }
    this.#trim();
    this.#refreshSoon();
  }

  #recalled(seq: number): void {
    const message = this.#entries.get(seq);
    if (message) this.#entries.set(seq, { ...message, recalled: true, body: "", ext: "" });
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
        if (!this.#entries.get(message.seq)?.recalled) this.#entries.set(message.seq, message);
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
      this.#log.setTop(h("p", { class: "hello" }, `Say hello to ${this.#names.of(this.title)} 👋`));
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
    this.refresh();
  }

  #recall(seq: number): void {
    this.#conversation.recall(seq).catch((error: Error) => {
      const late = error instanceof ServerError && error.code === Code.RecallExpired;
      toast(late ? "It is too late to recall this message." : `The message was not recalled: ${error.message}`);
    });
  }
}
