// The page of somebody who is signed in: the list, a chat or a room, the state
// of the connection.

import { Client, Files, KickedError, ServerError, type StateChange, Teams } from "../../src/index";
import { avatar, roomAvatar, teamAvatar } from "./avatar";
import { Banner } from "./banner";
import { announce, button, coalesce, h, toast } from "./dom";
import { textOf } from "./format";
import { icon } from "./icons";
import { showKicked } from "./kicked";
import { List } from "./list";
import { Names } from "./names";
import { newChat } from "./newchat";
import type { Pane } from "./pane";
import type { People } from "./people";
import { RoomPane } from "./roompane";
import { RoomBook } from "./rooms";
import { fromHash, home, type Route, toHash } from "./route";
import { type Credentials, demoUsers, forgetSession } from "./session";
import { TeamNames } from "./teamnames";
import { switchTheme } from "./theme";
import { Thread } from "./thread";

/** Pauses between attempts to connect, in milliseconds. */
const minBackoffMs = 1000;
const maxBackoffMs = 15_000;

/** How long signing out waits for the node. */
const signOutMs = 2000;

const stateNames: Record<StateChange["state"], string> = {
  idle: "Offline",
  connecting: "Connecting…",
  syncing: "Syncing…",
  connected: "Online",
  waiting: "Offline",
  kicked: "Signed out",
  refused: "Signed out",
  closed: "Signed out",
};

export class App {
  readonly element: HTMLElement;
  readonly #who: Credentials;
  readonly #client: Client;
  readonly #names: Names;
  readonly #people: People;
  readonly #rooms: RoomBook;
  readonly #list: List;
  readonly #banner = new Banner();
  readonly #main = h("main", { class: "main" });
  readonly #head = h("header", { class: "main-head" });
  readonly #state = h("span", { class: "me-state" });
  readonly #meName = h("span", { class: "me-name" });
  readonly #drafts = new Map<string, string>();
  readonly #ended: (problem: string) => void;
  readonly #abort = new AbortController();
  readonly #showListSoon = coalesce(() => {
    if (!this.#abort.signal.aborted) this.#showList();
  });
  #route: Route = home;
  #pane: Pane | undefined;

  /** ended is called, once, when the session is over. */
  constructor(who: Credentials, ended: (problem: string) => void) {
    this.#who = who;
    this.#ended = ended;
    this.#client = new Client({
      lbs: new URL("/lbs", location.href).href,
      ...who,
      minBackoffMs,
      maxBackoffMs,
    });
    this.#names = new Names(this.#client, () => this.#refresh());
    const teams = new Teams(this.#client);
    this.#people = {
      client: this.#client,
      teams,
      files: new Files(this.#client),
      names: this.#names,
      teamNames: new TeamNames(this.#client, teams, () => this.#refresh()),
    };
    this.#rooms = new RoomBook(this.#client, () => this.#showListSoon());
    this.#list = new List(who.account, this.#people);
    this.element = h("div", { class: "app" }, this.#side(), this.#main);
    this.#listen();
  }

  async start(): Promise<void> {
    await this.#client.load();
    this.#go();
    this.#refresh();
    // What comes of it is told by the events.
    this.#client.connect().catch(() => {});
  }

  close(): void {
    this.#abort.abort();
    this.#pane?.close();
    this.#banner.close();
    void this.#client.close();
    document.title = "Yizhan";
  }

  #listen(): void {
    const client = this.#client;
    client.on("state", (change) => this.#showState(change));
    client.on("conversations", () => this.#showListSoon());
    client.on("message", (message, { live }) => {
      const kind = message.scene === "team" ? "team" : "chat";
      const open = this.#route.kind === kind && this.#route.name === message.peer;
      if (live && !message.own && !open && !message.event) {
        announce(`New message from ${this.#names.of(message.from)}: ${textOf(message.type, message.body)}`);
      }
    });
    const { signal } = this.#abort;
    addEventListener("hashchange", () => this.#go(), { signal });
    document.addEventListener("visibilitychange", () => this.#pane?.shown(), { signal });
    // Escape leads back to the list where there is room for only one of them.
    addEventListener(
      "keydown",
      (event) => {
        if (event.key === "Escape" && this.#route.kind !== "home" && !document.querySelector("dialog[open]")) {
          location.hash = toHash(home);
        }
      },
      { signal },
    );
  }

  #side(): HTMLElement {
    const { account } = this.#who;
    return h(
      "div",
      { class: "side" },
      h(
        "header",
        { class: "side-head" },
        h("span", { class: "logo small" }, icon("house")),
        h("h1", {}, "Yizhan ", h("span", { lang: "zh" }, "驿站")),
        button({ class: "round primary", "aria-label": "New chat or room" }, () => void this.#newChat(), icon("plus")),
      ),
      this.#list.element,
      h(
        "footer",
        { class: "me" },
        avatar(account, account),
        h("span", { class: "me-text" }, this.#meName, this.#state),
        button({ class: "round quiet", "aria-label": "Light or dark" }, switchTheme, icon("sun")),
        button({ class: "round quiet", "aria-label": "Sign out" }, () => void this.#signOut(), icon("leave")),
      ),
    );
  }

  /** Shows what the address says. */
  #go(): void {
    const route = fromHash(location.hash);
    if (this.#pane && route.kind === this.#route.kind && route.name === this.#route.name) return;
    this.#pane?.close();
    this.#pane = undefined;
    this.#route = route;
    this.element.dataset.view = route.kind === "home" ? "list" : "pane";
    if (route.kind === "home") {
      this.#main.replaceChildren(this.#banner.element, emptyPane());
    } else {
      try {
        this.#pane = this.#makePane(route);
      } catch (error) {
        toast((error as Error).message); // an address that somebody made up
        location.hash = toHash(home);
        return;
      }
      this.#main.replaceChildren(this.#head, this.#banner.element, this.#pane.body, this.#pane.foot);
    }
    this.#refresh();
    // With a finger for a mouse, a keyboard would cover what one came to read.
    if (!matchMedia("(pointer: coarse)").matches) this.#pane?.focus();
  }

  #makePane(route: Route): Pane {
    const key = toHash(route);
    const draft = this.#drafts.get(key) ?? "";
    const keep = (text: string) => void this.#drafts.set(key, text);
    if (route.kind === "room") return new RoomPane(this.#rooms, route.name, this.#names, draft, keep);
    const { client } = this.#people;
    const conversation = route.kind === "team" ? client.openTeam(route.name) : client.open(route.name);
    return new Thread(this.#people, conversation, draft, keep);
  }

  #refresh(): void {
    this.#meName.textContent = this.#names.of(this.#who.account);
    this.#showList();
    this.#showHead();
    this.#pane?.refresh();
  }

  #showList(): void {
    const chats = this.#client.conversations();
    const rooms = this.#rooms.list();
    this.#list.show(chats, rooms, this.#route);
    let unread = 0;
    for (const { unread: count } of [...chats, ...rooms]) unread += count;
    document.title = unread > 0 ? `(${unread}) Yizhan` : "Yizhan";
    this.#showHead();
  }

  #showHead(): void {
    const pane = this.#pane;
    if (!pane) return;
    const isRoom = this.#route.kind === "room";
    const { name } = pane;
    const signature = JSON.stringify([name, pane.subtitle, isRoom]);
    if (this.#head.dataset.signature === signature) return;
    this.#head.dataset.signature = signature;
    this.#head.replaceChildren(
      h("a", { class: "round quiet back", href: toHash(home), "aria-label": "Back to the list" }, icon("back")),
      isRoom ? roomAvatar() : this.#route.kind === "team" ? teamAvatar() : avatar(pane.title, name),
      h(
        "div",
        { class: "main-title" },
        h("h2", { dir: "auto" }, name),
        pane.subtitle ? h("p", { dir: "auto" }, pane.subtitle) : "",
      ),
      isRoom
        ? button({ class: "round quiet", "aria-label": "Leave the room" }, () => this.#leave(pane.title), icon("leave"))
        : "",
    );
  }

  #showState(change: StateChange): void {
    this.element.dataset.state = change.state;
    this.#state.textContent = stateNames[change.state];
    this.#banner.show(change);
    if (change.state === "connected") this.#refresh();
    if (change.state === "refused") this.#end(refusal(change.error));
    if (change.state === "kicked") this.#kicked(change.error);
  }

  #kicked(error: Error | undefined): void {
    const kicked = error instanceof KickedError ? error.kicked : undefined;
    if (kicked?.reason === "credentials") this.#end("Your token has changed. Sign in again.");
    else
      showKicked(
        kicked,
        () => location.reload(),
        () => this.#end(""),
      );
  }

  async #newChat(): Promise<void> {
    const self = this.#who.account;
    newChat({
      suggestions: (await demoUsers()).filter((user) => user.account !== self),
      exists: (account) => this.#names.exists(account),
      chat: (name) => {
        location.hash = toHash({ kind: "chat", name });
      },
      team: async (name, members) => {
        const request = { team: { name, consent: "none" as const }, members };
        const { team, failed } = await this.#people.teams.create(request);
        if (failed.length > 0) toast(`Not in the team: ${failed.join(", ")}`);
        location.hash = toHash({ kind: "team", name: team.id });
      },
      room: (name) => {
        location.hash = toHash({ kind: "room", name });
      },
    });
  }

  #leave(room: string): void {
    location.hash = toHash(home);
    this.#rooms.leave(room).catch((error: Error) => toast(`Leaving ${room}: ${error.message}`));
  }

  async #signOut(): Promise<void> {
    const patience = new Promise((done) => setTimeout(done, signOutMs));
    await Promise.race([this.#client.logout().catch(() => {}), patience]);
    this.#end("");
  }

  #end(problem: string): void {
    if (this.#abort.signal.aborted) return;
    forgetSession();
    history.replaceState(null, "", toHash(home));
    this.close();
    this.#ended(problem);
  }
}

/** Why a sign-in was refused, for people. */
function refusal(error: Error | undefined): string {
  const why = error instanceof ServerError && error.note ? error.note : error?.message;
  return why ? `The node refuses the sign-in: ${why}.` : "The node refuses the sign-in.";
}

function emptyPane(): HTMLElement {
  return h(
    "div",
    { class: "empty" },
    h("span", { class: "logo" }, icon("house")),
    h("p", {}, "Choose a chat, or start one with the + on the left."),
  );
}
