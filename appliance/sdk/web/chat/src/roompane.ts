// A room on the screen.

import { Composer } from "./composer";
import { announce, coalesce, h } from "./dom";
import { Log } from "./log";
import type { Names } from "./names";
import type { Pane } from "./pane";
import type { RoomBook, RoomChat } from "./rooms";

export class RoomPane implements Pane {
  readonly title: string;
  readonly body: HTMLElement;
  readonly foot: HTMLElement;
  readonly #book: RoomBook;
  readonly #chat: RoomChat;
  readonly #names: Names;
  readonly #log: Log;
  readonly #composer: Composer;
  #atEnd = true;
  #closed = false;
  #announced: string | undefined;

  constructor(book: RoomBook, name: string, names: Names, draft: string, keep: (draft: string) => void) {
    this.#book = book;
    this.#names = names;
    this.title = name;
    this.#chat = book.open(name);
    const chat = this.#chat;
    this.#announced = chat.lastLine?.key;
    this.#log = new Log({
      label: `Messages in ${name}`,
      senders: true,
      act: (action, entry) => {
        if (action === "retry") book.retry(chat, entry.key);
        if (action === "discard") chat.drop(entry.key);
        this.refresh();
      },
      atEnd: (at) => {
        this.#atEnd = at;
        this.#read();
      },
    });
    this.#composer = new Composer(
      `Message to the room ${name}`,
      draft,
      (text) => {
        book.send(chat, text);
        this.refresh();
        this.#log.toEnd();
      },
      keep,
    );
    this.body = this.#log.element;
    this.foot = this.#composer.element;
    this.#log.setTop(h("p", {}, "Rooms keep no history: you see what is said while you are here"));
    chat.onChange = coalesce(() => this.#changed());
    this.refresh();
  }

  get name(): string {
    return this.title;
  }

  get subtitle(): string {
    const { state, members, problem } = this.#chat;
    switch (state) {
      case "entered":
        return members > 1 ? `In the room · ${members} here when you came` : "In the room";
      case "away":
        return "Away: coming back when the connection is";
      case "lost":
        return `Not in the room: ${problem}`;
      default:
        return "Entering…";
    }
  }

  focus(): void {
    this.#composer.focus();
  }

  shown(): void {
    this.#read();
  }

  close(): void {
    this.#closed = true;
    this.#chat.onChange = undefined;
    this.#log.close();
  }

  refresh(): void {
    this.#log.show(this.#chat.entries(this.#names));
    this.#log.setUnseen(this.#chat.unread);
  }

  #changed(): void {
    if (this.#closed) return;
    const last = this.#chat.lastLine;
    if (last && !last.own && last.key !== this.#announced) {
      this.#announced = last.key;
      announce(`${this.#names.of(last.from)}: ${last.text}`);
    }
    this.#read();
    this.refresh();
  }

  #read(): void {
    if (!this.#atEnd || document.visibilityState !== "visible" || this.#chat.unread === 0) return;
    this.#chat.unread = 0;
    this.#book.noticed();
  }
}
