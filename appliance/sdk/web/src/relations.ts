import { type Client, coreOf } from "./client";
import type { Core } from "./core";
import { Emitter } from "./emitter";
import type { Connection, Part } from "./part";
import { Table, tablePage } from "./table";
import * as wire from "./wire.gen";

const requestTimeout = 20_000;
const modeTable = "friend mode";

/** A relation that has changed. */
export interface RelationEvent {
  /** What this account holds of the other one now. */
  relation: wire.Relation;
  /** Who has changed it, and what was written with it; empty when that was while this device was away. */
  by: string;
  note: string;
}

export interface RelationsEvents {
  /** One relation has changed, here or elsewhere. */
  change: [event: RelationEvent];
  /** All relations were read, for the first time or anew. */
  loaded: [];
  /** Who may become this account's friend has changed. */
  mode: [mode: wire.FriendMode];
}

/**
 * What this account holds of others: friends, requests, its blacklist, its mute list and
 * notes. This device has all of it, also offline; changes made while it was away are
 * learned with the next sync.
 */
export class Relations extends Emitter<RelationsEvents> implements Part {
  readonly #core: Core;
  readonly #table: Table<wire.Relation>;
  #mode: wire.FriendMode = "anyone";
  #modeVersion = 0;
  #news: Omit<RelationEvent, "relation"> = { by: "", note: "" };

  /** Make it before the client loads or connects. */
  constructor(client: Client) {
    super();
    const core = coreOf(client);
    this.#core = core;
    const spec = {
      name: "relations",
      key: (r: wire.Relation) => r.account,
      over: (r: wire.Relation) =>
        !r.friend && !r.blacklisted && !r.muted && r.request === "none" && !r.alias && !r.ex && !r.serverEx,
      read: (connection: Connection, version: number, floor: number) => this.#page(connection, version, floor),
      changed: (relation: wire.Relation) => this.emit("change", { relation, ...this.#news }),
      loaded: () => this.emit("loaded"),
    };
    this.#table = new Table(spec, core.writer, core.settings.logger);
    core.attach(this);
    core.onPush(wire.relationPush, ({ relation, by, note }) => this.#took(relation, by, note));
    core.onPush(wire.friendModePush, ({ mode, version }) => this.#tookMode(mode, version));
  }

  /** All of them, by account. */
  all(): wire.Relation[] {
    return this.#table.all().sort((a, b) => (a.account < b.account ? -1 : 1));
  }

  friends(): wire.Relation[] {
    return this.all().filter((r) => r.friend);
  }

  /** Requests that wait for this account's answer. */
  requests(): wire.Relation[] {
    return this.all().filter((r) => r.request === "received");
  }

  /** What this account holds of another one; undefined when there is nothing. */
  get(account: string): wire.Relation | undefined {
    return this.#table.get(account.toLowerCase());
  }

  /** Who may become this account's friend. */
  get friendMode(): wire.FriendMode {
    return this.#mode;
  }

  /** Makes the two accounts friends at once; 403 when the other one wants to be asked, or nobody. */
  async add(account: string, note = ""): Promise<wire.Relation | undefined> {
    return this.#own((await this.#core.calls.call(wire.addFriend, { account, note })).relation);
  }

  /** Asks to become friends; the other one answers. */
  async ask(account: string, note = ""): Promise<wire.Relation | undefined> {
    return this.#own((await this.#core.calls.call(wire.addFriend, { account, ask: true, note })).relation);
  }

  /** Answers the request of account. */
  async answer(account: string, accept: boolean, note = ""): Promise<wire.Relation | undefined> {
    return this.#own((await this.#core.calls.call(wire.answerFriend, { account, accept, note })).relation);
  }

  /** Ends a friendship for both, or takes one's own request back; with forget the notes go too. */
  async remove(account: string, options: { forget?: boolean } = {}): Promise<void> {
    this.#own((await this.#core.calls.call(wire.deleteFriend, { account, forget: options.forget })).relation);
  }

  /** Changes what this account has noted of a friend: those that are given. */
  async update(account: string, notes: { alias?: string; ex?: string }): Promise<wire.Relation | undefined> {
    return this.#own((await this.#core.calls.call(wire.updateFriend, { account, ...notes })).relation);
  }

  /** Whatever a blacklisted account sends to this one is refused. */
  async setBlacklisted(account: string, on: boolean): Promise<wire.Relation | undefined> {
    return this.#own((await this.#core.calls.call(wire.setBlacklist, { account, on })).relation);
  }

  /** The messages of a muted account make no noise. */
  async setMuted(account: string, on: boolean): Promise<wire.Relation | undefined> {
    return this.#own((await this.#core.calls.call(wire.setMute, { account, on })).relation);
  }

  async setFriendMode(mode: wire.FriendMode): Promise<void> {
    const { version } = await this.#core.calls.call(wire.setFriendMode, { mode });
    this.#tookMode(mode, version);
  }

  #own(relation: wire.Relation | undefined): wire.Relation | undefined {
    this.#took(relation, this.#core.settings.account, "");
    return relation;
  }

  #took(relation: wire.Relation | undefined, by: string, note: string): void {
    if (relation) {
      this.#news = { by, note };
      this.#table.take(relation);
      this.#news = { by: "", note: "" };
    }
  }

  #tookMode(mode: wire.FriendMode, version: number): void {
    if (version < this.#modeVersion) {
      return;
    }
    const changed = mode !== this.#mode;
    this.#mode = mode;
    this.#modeVersion = version;
    this.#core.writer.record({ table: modeTable, key: "", version, value: mode });
    if (changed) {
      this.emit("mode", mode);
    }
  }

  async #page({ link, signal }: Connection, version: number, floor: number) {
    const request = { version, floor, limit: tablePage };
    const until = Date.now() + requestTimeout;
    const answer = await this.#core.calls.request(link, wire.relations, request, until, signal);
    if (!answer.more) {
      this.#tookMode(answer.friendMode, answer.version);
    }
    return { ...answer, items: answer.relations };
  }

  /** @internal */
  async load(): Promise<void> {
    await this.#table.load();
    const [stored] = await this.#core.writer.records(modeTable);
    if (stored) {
      this.#mode = stored.value as wire.FriendMode;
      this.#modeVersion = stored.version;
    }
  }

  /** @internal */
  synced(last: wire.SyncResponse, connection: Connection): Promise<void> {
    return this.#table.synced(last.relationsVersion, connection);
  }

  /** @internal */
  reset(): void {
    this.#table.reset();
    this.#mode = "anyone";
    this.#modeVersion = 0;
  }
}
