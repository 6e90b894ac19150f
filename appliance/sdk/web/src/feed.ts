import type { Conversation } from "./conversation";
import type { ClientEvents } from "./events";
import type { Key } from "./key";
import { byTime, info, isListed } from "./row";
import type { ConversationRow } from "./store";
import type { ConversationInfo, Message, Outgoing } from "./types";

/** Gives an event to the app's listeners of the Client. */
export type Emit = <K extends keyof ClientEvents>(name: K, ...args: ClientEvents[K]) => void;

/** Feed gives events of conversations to the Client and to the Conversation that they concern. */
export class Feed {
  readonly #open = new Map<string, Conversation>();
  readonly #changed = new Set<string>(); // conversations, told at the end of this moment

  constructor(
    private readonly emit: Emit,
    private readonly rows: () => ConversationRow[],
    private readonly make: (key: Key) => Conversation,
  ) {}

  /** The Conversation of key, the same each time. */
  open(key: Key): Conversation {
    let conversation = this.#open.get(key.conversation);
    if (!conversation) {
      conversation = this.make(key);
      this.#open.set(key.conversation, conversation);
    }
    return conversation;
  }

  list(): ConversationInfo[] {
    return this.rows().filter(isListed).map(info).sort(byTime);
  }

  /** All that are known, also those that are not in the list. */
  all(): ConversationInfo[] {
    return this.rows().map(info).sort(byTime);
  }

  message(m: Message, live: boolean): void {
    const delivery = { live };
    this.emit("message", m, delivery);
    this.#open.get(m.conversation)?.deliver("message", m, delivery);
  }

  recall(entry: Message): void {
    const event = { ...bare(entry), seq: entry.refSeq, entry };
    this.emit("recall", event);
    this.#open.get(entry.conversation)?.deliver("recall", event);
  }

  update(entry: Message): void {
    const event = { ...bare(entry), seq: entry.refSeq, entry };
    this.emit("update", event);
    this.#open.get(entry.conversation)?.deliver("update", event);
  }

  deletion(key: Key, seqs: number[]): void {
    const event = { ...bare(key), seqs };
    this.emit("deletion", event);
    this.#open.get(key.conversation)?.deliver("deletion", event);
  }

  missing(key: Key, fromSeq: number, toSeq: number): void {
    const event = { ...bare(key), fromSeq, toSeq };
    this.emit("missing", event);
    this.#open.get(key.conversation)?.deliver("missing", event);
  }

  read(key: Key, by: "peer" | "self", seq: number): void {
    const event = { ...bare(key), by, seq };
    this.emit("read", event);
    this.#open.get(key.conversation)?.deliver("read", event);
  }

  outgoing(o: Outgoing): void {
    this.emit("outgoing", o);
    this.#open.get(o.conversation)?.deliver("outgoing", o);
  }

  /** Tells of changes once for all that happen in one moment. */
  changed({ conversation }: Key): void {
    if (this.#changed.size === 0) {
      setTimeout(() => this.#tell());
    }
    this.#changed.add(conversation);
  }

  #tell(): void {
    const names = [...this.#changed];
    this.#changed.clear();
    this.emit("conversations", this.list());
    for (const name of names) {
      const conversation = this.#open.get(name);
      conversation?.deliver("change", conversation.info);
    }
  }
}

/** Only the name of a conversation. */
function bare({ conversation, scene, peer }: Key): Key {
  return { conversation, scene, peer };
}
