// The messages of one conversation or room on the screen: bubbles, day
// separators, marks, and a scroll position that stays where the reader is.

import { button, h, type Keyed, reconcile } from "./dom";
import { day, dayKey, isEmoji, moment, pieces, time } from "./format";
import { type IconName, icon } from "./icons";
import type { Media } from "./media";

export type Mark = "sending" | "sent" | "read" | "failed";
export type Action = "reply" | "recall" | "retry" | "discard";

/** The emoji that one click gives. */
const quick = ["👍", "❤️", "😂", "🎉", "😮", "😢"];

/** One line of the log. */
export interface Entry {
  key: string;
  timeMs: number;
  from: string;
  /** Sender's name. */
  name: string;
  own: boolean;
  /** note: said by nobody, such as that a message was recalled. */
  kind: "text" | "note";
  text: string;
  mark?: Mark;
  /** Why it failed. */
  problem?: string;
  actions?: Action[];
  /** An image or file, instead of the text. */
  media?: Media;
  /** What it answers. */
  quote?: { name: string; text: string };
  reactions?: { emoji: string; count: number; mine: boolean; who: string }[];
  /** It may be given an emoji. */
  canReact?: boolean;
  edited?: boolean;
  pinned?: boolean;
}

export interface LogOptions {
  /** For screen readers. */
  label: string;
  /** Shows who wrote a bubble: needed when they are more than two. */
  senders: boolean;
  act(action: Action, entry: Entry): void;
  /** An emoji is given, or taken back. */
  react?(entry: Entry, emoji: string, undo: boolean): void;
  /** Makes the element of an image or file. */
  media?(media: Media): HTMLElement;
  /** The reader is at the end, or not any more. */
  atEnd(at: boolean): void;
  /** The reader is near the top: older entries are wanted. */
  wantsOlder?(): void;
}

/** Messages of one sender this close together form a group. */
const groupMs = 5 * 60_000;
/** Distance in pixels from the end or the top that counts as being there. */
const nearEnd = 40;
const nearTop = 240;

const marks: Record<Mark, { icon: IconName; label: string }> = {
  sending: { icon: "clock", label: "Sending" },
  sent: { icon: "check", label: "Sent" },
  read: { icon: "checks", label: "Read" },
  failed: { icon: "alert", label: "Not sent" },
};

const actions: Record<Action, { icon: IconName; label: string }> = {
  reply: { icon: "reply", label: "Reply" },
  recall: { icon: "recall", label: "Recall" },
  retry: { icon: "retry", label: "Try again" },
  discard: { icon: "trash", label: "Discard" },
};

export class Log {
  readonly element: HTMLElement;
  readonly #top = h("div", { class: "log-top" });
  readonly #list = h("ol", { class: "log-list" });
  readonly #scroller: HTMLElement;
  readonly #jump: HTMLButtonElement;
  readonly #jumpCount = h("span", { class: "badge", hidden: true });
  readonly #options: LogOptions;
  readonly #resized: ResizeObserver;
  #end = true;

  constructor(options: LogOptions) {
    this.#options = options;
    this.#scroller = h(
      "div",
      { class: "log-scroll", role: "region", "aria-label": options.label, tabindex: 0 },
      this.#top,
      this.#list,
    );
    this.#jump = button(
      { class: "jump", hidden: true, "aria-label": "Go to the newest message" },
      () => this.toEnd(true),
      icon("down"),
      this.#jumpCount,
    );
    this.element = h("div", { class: "log" }, this.#scroller, this.#jump);
    this.#scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.#scroller.addEventListener("keydown", (event) => this.#key(event));
    // A keyboard on the screen, a growing composer: the end stays the end.
    this.#resized = new ResizeObserver(() => {
      if (this.#end) this.toEnd();
    });
    this.#resized.observe(this.#scroller);
  }

  close(): void {
    this.#resized.disconnect();
  }

  /** What stands above the first entry. */
  setTop(...children: (Node | string)[]): void {
    this.#keepPlace(() => this.#top.replaceChildren(...children));
  }

  /** How many messages below have not been seen. */
  setUnseen(count: number): void {
    this.#jumpCount.hidden = count === 0;
    this.#jumpCount.textContent = count > 99 ? "99+" : String(count);
  }

  /** Shows entries; new marks the first one that the reader has not seen. */
  show(entries: Entry[], firstNew?: string): void {
    const items: Keyed[] = [];
    let before: Entry | undefined;
    for (const entry of entries) {
      const newDay = !before || dayKey(before.timeMs) !== dayKey(entry.timeMs);
      if (newDay) items.push(separator(`day ${dayKey(entry.timeMs)}`, day(entry.timeMs), "log-day"));
      const isNew = entry.key === firstNew;
      if (isNew) items.push(separator("new", "New messages", "log-new"));
      const first =
        newDay ||
        isNew ||
        before?.kind !== entry.kind ||
        before.from !== entry.from ||
        entry.timeMs - before.timeMs > groupMs;
      items.push(this.#line(entry, first));
      before = entry;
    }
    this.#keepPlace(() => reconcile(this.#list, items));
  }

  /** Scrolls to the newest message. */
  toEnd(smooth = false): void {
    this.#end = true;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.#scroller.scrollTo({
      top: this.#scroller.scrollHeight,
      behavior: smooth && !still ? "smooth" : "instant",
    });
    this.#scrolled();
  }

  /** Scrolls to the separator above the new messages; false when there is none. */
  toNew(): boolean {
    const line = this.#list.querySelector<HTMLElement>(".log-new");
    if (!line) return false;
    this.#end = false;
    this.#scroller.scrollTop = line.offsetTop - nearEnd;
    this.#scrolled();
    return true;
  }

  /** Whether more entries would fit on the screen. */
  get hasRoom(): boolean {
    return this.#scroller.scrollHeight <= this.#scroller.clientHeight + nearTop;
  }

  /** Makes a change and lets the reader see the same entries as before it. */
  #keepPlace(change: () => void): void {
    const scroller = this.#scroller;
    // The first line in sight is what the eye holds on to.
    const top = scroller.scrollTop;
    let anchor: HTMLElement | undefined;
    if (!this.#end) {
      for (const line of this.#list.children as HTMLCollectionOf<HTMLElement>) {
        if (line.offsetTop + line.offsetHeight > top && line.dataset.entry !== undefined) {
          anchor = line;
          break;
        }
      }
    }
    const offset = anchor ? anchor.offsetTop - top : 0;
    change();
    if (this.#end) {
      scroller.scrollTop = scroller.scrollHeight;
    } else if (anchor) {
      const now = anchor.isConnected
        ? anchor
        : this.#list.querySelector<HTMLElement>(`[data-key="${CSS.escape(anchor.dataset.key ?? "")}"]`);
      if (now) scroller.scrollTop = now.offsetTop - offset;
    }
    this.#scrolled();
  }

  #scrolled(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    this.#end = scrollHeight - scrollTop - clientHeight <= nearEnd;
    this.#jump.hidden = this.#end;
    this.#options.atEnd(this.#end);
    if (scrollTop < nearTop) this.#options.wantsOlder?.();
  }

  /** Arrow keys walk from message to message; Tab reaches a message's buttons. */
  #key(event: KeyboardEvent): void {
    if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
    const lines = [...this.#list.querySelectorAll<HTMLElement>("[data-entry]")];
    const at = lines.findIndex((line) => line.contains(document.activeElement));
    const next = event.key === "ArrowUp" ? (at < 0 ? lines.length : at) - 1 : at + 1;
    const line = at < 0 && event.key === "ArrowDown" ? undefined : lines[next];
    if (!line) return;
    event.preventDefault();
    line.focus();
  }

  #line(entry: Entry, first: boolean): Keyed {
    const own = entry.own ? "own" : "theirs";
    return {
      key: entry.key,
      signature: JSON.stringify([entry, first]),
      make: () => {
        if (entry.kind === "note") {
          return h("li", { class: "line note", tabindex: -1, "data-entry": true }, entry.text);
        }
        const sender = this.#options.senders && !entry.own && first;
        return h(
          "li",
          {
            class: `line ${own}${first ? " first" : ""}${entry.mark === "failed" ? " failed" : ""}`,
            tabindex: -1,
            "data-entry": true,
          },
          sender
            ? h("span", { class: "sender" }, entry.name)
            : h("span", { class: "hidden-text" }, `${entry.own ? "You" : entry.name}: `),
          h("div", { class: "row" }, this.#bubble(entry), this.#buttons(entry)),
          this.#reactions(entry),
          entry.problem ? h("span", { class: "problem" }, entry.problem) : null,
        );
      },
    };
  }

  #reactions(entry: Entry): HTMLElement | null {
    if (!entry.reactions?.length) return null;
    return h(
      "span",
      { class: "reactions" },
      ...entry.reactions.map(({ emoji, count, mine, who }) =>
        button(
          { class: `reaction${mine ? " mine" : ""}`, "aria-pressed": String(mine), title: who },
          () => this.#options.react?.(entry, emoji, mine),
          emoji,
          h("span", { class: "reaction-count" }, String(count)),
        ),
      ),
    );
  }

  #content(entry: Entry): HTMLElement {
    if (entry.media && this.#options.media) return this.#options.media(entry.media);
    const text = h("span", { class: isEmoji(entry.text) ? "text emoji" : "text", dir: "auto" });
    for (const piece of pieces(entry.text)) {
      text.append(
        piece.href
          ? h("a", { href: piece.href, target: "_blank", rel: "noopener noreferrer nofollow" }, piece.text)
          : piece.text,
      );
    }
    return text;
  }

  #bubble(entry: Entry): HTMLElement {
    const mark = entry.mark ? marks[entry.mark] : undefined;
    return h(
      "div",
      { class: entry.media ? "bubble with-media" : "bubble" },
      entry.quote
        ? h(
            "span",
            { class: "quote" },
            h("span", { class: "quote-name", dir: "auto" }, entry.quote.name),
            h("span", { class: "quote-text", dir: "auto" }, entry.quote.text),
          )
        : null,
      this.#content(entry),
      h(
        "span",
        { class: "foot" },
        entry.pinned ? h("span", { class: "edited" }, "pinned") : null,
        entry.edited ? h("span", { class: "edited" }, "edited") : null,
        h("time", { datetime: new Date(entry.timeMs).toISOString(), title: moment(entry.timeMs) }, time(entry.timeMs)),
        mark
          ? h(
              "span",
              { class: `mark mark-${entry.mark}`, title: mark.label },
              icon(mark.icon),
              h("span", { class: "hidden-text" }, mark.label),
            )
          : null,
      ),
    );
  }

  /** A button that opens a row of emoji. */
  #picker(entry: Entry): HTMLElement {
    const row = h(
      "span",
      { class: "quick", hidden: true },
      ...quick.map((emoji) =>
        button({ class: "quick-choice", "data-emoji": emoji, "aria-label": `React with ${emoji}` }, () => choose(emoji), emoji),
      ),
    );
    const open = button(
      { class: "action", "data-action": "react", title: "React", "aria-label": "React", "aria-expanded": "false" },
      () => {
        row.hidden = !row.hidden;
        open.setAttribute("aria-expanded", String(!row.hidden));
      },
      icon("smile"),
    );
    const choose = (emoji: string) => {
      row.hidden = true;
      const mine = entry.reactions?.some((reaction) => reaction.emoji === emoji && reaction.mine) ?? false;
      this.#options.react?.(entry, emoji, mine);
    };
    return h("span", { class: "react" }, open, row);
  }

  #buttons(entry: Entry): HTMLElement | null {
    if (!entry.actions?.length) return null;
    return h(
      "span",
      { class: "actions" },
      ...(entry.canReact ? [this.#picker(entry)] : []),
      ...entry.actions.map((action) =>
        button(
          { class: "action", "data-action": action, title: actions[action].label, "aria-label": actions[action].label },
          () => this.#options.act(action, entry),
          icon(actions[action].icon),
        ),
      ),
    );
  }
}

function separator(key: string, text: string, kind: string): Keyed {
  return {
    key,
    signature: text,
    make: () => h("li", { class: `separator ${kind}` }, h("span", {}, text)),
  };
}
