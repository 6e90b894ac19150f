// The list of chats and rooms.

import { type ConversationInfo, MessageType } from "../../src/index";
import { avatar, roomAvatar, teamAvatar } from "./avatar";
import { h, type Keyed, reconcile } from "./dom";
import { moment, textOf, when } from "./format";
import { noticeText } from "./notices";
import type { People } from "./people";
import type { RoomChat } from "./rooms";
import { type Route, toHash } from "./route";

export class List {
  readonly element = h("nav", { class: "list", "aria-label": "Chats and rooms" });
  readonly #chats = h("ul", { class: "list-items" });
  readonly #rooms = h("ul", { class: "list-items" });
  readonly #noChats = h("p", { class: "list-hint" }, "No chats yet. Start one with the + above.");
  readonly #roomsTitle = h("h2", { class: "list-title" }, "Rooms");
  readonly #self: string;
  readonly #people: People;

  constructor(self: string, people: People) {
    this.#self = self;
    this.#people = people;
    this.element.append(
      h("h2", { class: "list-title" }, "Chats"),
      this.#noChats,
      this.#chats,
      this.#roomsTitle,
      this.#rooms,
    );
    this.element.addEventListener("keydown", (event) => this.#key(event));
  }

  show(chats: ConversationInfo[], rooms: RoomChat[], current: Route): void {
    const items = chats.map((chat) => this.#chat(chat, current));
    const isOpen = (chat: ConversationInfo) => chat.scene === "p2p" && chat.peer === current.name;
    if (current.kind === "chat" && !chats.some(isOpen)) {
      items.unshift(this.#fresh(current.name, current));
    }
    reconcile(this.#chats, items);
    reconcile(
      this.#rooms,
      rooms.map((room) => this.#room(room, current)),
    );
    this.#noChats.hidden = items.length > 0;
    this.#roomsTitle.hidden = rooms.length === 0;
  }

  #fresh(peer: string, current: Route): Keyed {
    return this.#item({ kind: "chat", name: peer }, current, this.#people.names.of(peer), "No messages yet", 0, 0);
  }

  #chat(info: ConversationInfo, current: Route): Keyed {
    const { names, teamNames } = this.#people;
    const kind = info.scene === "team" ? "team" : "chat";
    const name = kind === "team" ? teamNames.of(info.peer) : names.of(info.peer);
    return this.#item({ kind, name: info.peer }, current, name, this.#preview(info), info.timeMs, info.unread);
  }

  #preview({ lastMessage: last, scene }: ConversationInfo): string {
    if (!last) return "";
    const { names } = this.#people;
    if (last.recalled) return last.own ? "You recalled a message" : "Message recalled";
    if (last.type === MessageType.TeamNotice && last.event) return noticeText(last.event, (account) => names.of(account));
    const text = textOf(last.type, last.body);
    if (last.own) return `You: ${text}`;
    return scene === "team" ? `${names.of(last.from)}: ${text}` : text;
  }

  #room(room: RoomChat, current: Route): Keyed {
    const last = room.lastLine;
    let text = last ? `${last.from === this.#self ? "You" : this.#people.names.of(last.from)}: ${last.text}` : "Quiet so far";
    if (room.state === "away") text = "Away";
    if (room.state === "lost") text = `Not in the room: ${room.problem}`;
    return this.#item({ kind: "room", name: room.name }, current, room.name, text, last?.timeMs ?? 0, room.unread);
  }

  #item(route: Route, current: Route, name: string, text: string, timeMs: number, unread: number): Keyed {
    const open = current.kind === route.kind && current.name === route.name;
    const time = when(timeMs);
    return {
      key: `${route.kind} ${route.name}`,
      signature: JSON.stringify([name, text, time, unread, open]),
      make: () =>
        h(
          "li",
          {},
          h(
            "a",
            {
              class: `list-item${unread ? " has-unread" : ""}`,
              href: toHash(route),
              "aria-current": open ? "page" : undefined,
              "data-peer": route.name,
            },
            route.kind === "room" ? roomAvatar() : route.kind === "team" ? teamAvatar() : avatar(route.name, name),
            h("span", { class: "list-name", dir: "auto" }, name),
            time ? h("time", { class: "list-time", title: moment(timeMs) }, time) : null,
            h("span", { class: "list-text", dir: "auto" }, text),
            unread
              ? h(
                  "span",
                  { class: "badge" },
                  unread > 99 ? "99+" : String(unread),
                  h("span", { class: "hidden-text" }, " unread"),
                )
              : null,
          ),
        ),
    };
  }

  /** Arrow keys walk through the list. */
  #key(event: KeyboardEvent): void {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step) return;
    const links = [...this.element.querySelectorAll<HTMLElement>("a")];
    const next = links[links.indexOf(document.activeElement as HTMLElement) + step];
    if (!next) return;
    event.preventDefault();
    next.focus();
  }
}
