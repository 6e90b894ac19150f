import { Signal } from "./async";
import type { ConversationRow } from "./store";
import type { Message } from "./types";

/** A conversation with what lasts no longer than the page. */
export interface Live {
  row: ConversationRow;
  /** When reading what is missing may begin. */
  notBefore: number;
  /** Answers of history that lacked the next message. */
  holes: number;
  /** It is on the list of those behind, or taken from it. */
  listed: boolean;
  /** The latest entries about other entries. */
  recent: Message[];
  /** The latest messages that this account has deleted for itself. */
  deleted: Set<number>;
}

export function newLive(row: ConversationRow): Live {
  return { row, notBefore: 0, holes: 0, listed: false, recent: [], deleted: new Set() };
}

function isBehind(conv: Live): boolean {
  return conv.row.known > conv.row.delivered;
}

/** The conversations of which something is missing, in the order in which that was found. */
export class BehindList {
  /** Raised when there is more to do. */
  readonly work = new Signal();
  readonly #list = new Set<Live>();

  /** Lists conv, if it is behind and not listed. */
  add(conv: Live): void {
    if (!conv.listed && isBehind(conv)) {
      conv.listed = true;
      this.#list.add(conv);
      this.work.raise();
    }
  }

  /** Takes one whose turn it is; give it back with putBack. Else wait is when to ask again, in ms. */
  take(): { conv?: Live; wait: number } {
    const now = Date.now();
    let wait = Number.POSITIVE_INFINITY;
    for (const conv of this.#list) {
      if (!isBehind(conv)) {
        conv.listed = false; // the gap has closed by itself
        this.#list.delete(conv);
      } else if (conv.notBefore <= now) {
        this.#list.delete(conv);
        return { conv, wait: 0 };
      } else {
        wait = Math.min(wait, conv.notBefore - now);
      }
    }
    return { wait };
  }

  /** Ends what take began; a conversation that is still behind waits for its next turn. */
  putBack(conv: Live): void {
    conv.listed = false;
    this.add(conv);
  }

  /** Nothing is missing, but for what is taken. */
  get empty(): boolean {
    return ![...this.#list].some(isBehind);
  }

  clear(): void {
    this.#list.clear();
  }
}
