import type { Conversation } from "./conversation";
import type { ClientEvents } from "./events";
import { byTime, info } from "./row";
import type { ConversationRow } from "./store";
import type { ConversationInfo, Message, Outgoing } from "./types";

/** Gives an event to the app's listeners of the Client. */
export type Emit = <K extends keyof ClientEvents>(name: K, ...args: ClientEvents[K]) => void;

/** Feed gives events of conversations to the Client and to the Conversation that they concern. */
export class Feed {
  readonly #open = new Map<string, Conversation>();
  readonly #changed = new Set<string>(); // peers, told at the end of this moment

  constructor(
    private readonly emit: Emit,
    private readonly rows: () => ConversationRow[],
    private readonly make: (peer: string) => Conversation,
  ) {}

  /** The Conversation of peer, the same each time. */
  open(peer: string): Conversation {
    let conversation = this.#open.get(peer);
    if (!conversation) {
      conversation = this.make(peer);
      this.#open.set(peer, conversation);
    }
    return conversation;
  }

  list(): ConversationInfo[] {
    return this.rows().map(info).sort(byTime);
  }

  message(m: Message, live: boolean): void {
    const delivery = { live };
    this.emit("message", m, delivery);
    this.#open.get(m.peer)?.deliver("message", m, delivery);
  }

  recall(entry: Message): void {
    const event = { peer: entry.peer, seq: entry.refSeq, entry };
    this.emit("recall", event);
    this.#open.get(entry.peer)?.deliver("recall", event);
  }

  missing(peer: string, fromSeq: number, toSeq: number): void {
    const event = { peer, fromSeq, toSeq };
    this.emit("missing", event);
    this.#open.get(peer)?.deliver("missing", event);
  }

  read(peer: string, by: "peer" | "self", seq: number): void {
    const event = { peer, by, seq };
    this.emit("read", event);
    this.#open.get(peer)?.deliver("read", event);
  }

  outgoing(o: Outgoing): void {
    this.emit("outgoing", o);
    this.#open.get(o.peer)?.deliver("outgoing", o);
  }

  /** Tells of changes once for all that happen in one moment. */
  changed(peer: string): void {
    if (this.#changed.size === 0) {
      setTimeout(() => this.#tell());
    }
    this.#changed.add(peer);
  }

  #tell(): void {
    const peers = [...this.#changed];
    this.#changed.clear();
    this.emit("conversations", this.list());
    for (const peer of peers) {
      const conversation = this.#open.get(peer);
      conversation?.deliver("change", conversation.info);
    }
  }
}
