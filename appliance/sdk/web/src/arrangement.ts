import type { Calls } from "./calls";
import type { Init } from "./codec";
import type { Inbox } from "./inbox";
import { type Key, keyOf, placeOf } from "./key";
import type { Connection, Part } from "./part";
import { Table, tablePage } from "./table";
import type { Logger } from "./types";
import * as wire from "./wire.gen";
import type { Writer } from "./writer";

/** How long one page may take. */
const requestTimeout = 20_000;

/** How the account has arranged its conversations, and when it does not want to be disturbed. */
export class Arrangement implements Part {
  readonly #table: Table<wire.ConversationSetting>;
  #quiet = wire.DoNotDisturb.read({});
  #quietVersion = 0;

  constructor(
    private readonly calls: Calls,
    private readonly inbox: Inbox,
    private readonly writer: Writer,
    private readonly listener: { doNotDisturb(d: wire.DoNotDisturb): void },
    logger: Logger,
  ) {
    const spec = {
      name: "settings",
      key: (s: wire.ConversationSetting) => keyOf(s.scene, s.peer).conversation,
      over: (s: wire.ConversationSetting) =>
        !s.top && !s.muted && !s.markedUnread && !s.ext && s.removedSeq === 0 && s.clearedSeq === 0,
      read: (connection: Connection, version: number, floor: number) => this.#page(connection, version, floor),
      changed: (s: wire.ConversationSetting) => void this.inbox.arrange(s),
      loaded: () => {},
    };
    this.#table = new Table(spec, writer, logger);
  }

  get doNotDisturb(): wire.DoNotDisturb {
    return this.#quiet;
  }

  async load(): Promise<void> {
    await this.#table.load();
    for (const setting of this.#table.all()) {
      this.inbox.arrange(setting);
    }
    const [stored] = await this.writer.records("do not disturb");
    if (stored) {
      this.#quiet = stored.value as wire.DoNotDisturb;
      this.#quietVersion = stored.version;
    }
  }

  synced(last: wire.SyncResponse, connection: Connection): Promise<void> {
    return this.#table.synced(last.settingsVersion, connection);
  }

  reset(): void {
    this.#table.reset();
    this.#quiet = wire.DoNotDisturb.read({});
    this.#quietVersion = 0;
  }

  async #page({ link, signal }: Connection, version: number, floor: number) {
    const request = { version, floor, limit: tablePage };
    const until = Date.now() + requestTimeout;
    const answer = await this.calls.request(link, wire.conversationSettings, request, until, signal);
    this.tookQuiet(answer.doNotDisturb, answer.version);
    return { ...answer, items: answer.settings };
  }

  /** Takes a setting of a push or an answer. */
  took(setting: wire.ConversationSetting | undefined): void {
    if (setting) {
      this.#table.take(setting);
    }
  }

  tookQuiet(d: wire.DoNotDisturb | undefined, version: number): void {
    if (!d || version < this.#quietVersion) {
      return;
    }
    const changed = JSON.stringify(d) !== JSON.stringify(this.#quiet);
    this.#quiet = d;
    this.#quietVersion = version;
    this.writer.record({ table: "do not disturb", key: "", version, value: d });
    if (changed) {
      this.listener.doNotDisturb(d);
    }
  }

  async set(key: Key, change: Init<Omit<wire.SetConversationRequest, "scene" | "peer">>): Promise<void> {
    this.took((await this.calls.call(wire.setConversation, { ...placeOf(key), ...change })).setting);
  }

  async remove(key: Key, clear: boolean): Promise<void> {
    this.took((await this.calls.call(wire.removeConversation, { ...placeOf(key), clear })).setting);
  }

  async clear(key: Key, seq: number): Promise<void> {
    this.took((await this.calls.call(wire.clearConversation, { ...placeOf(key), seq })).setting);
  }

  async setDoNotDisturb(change: Init<wire.SetDoNotDisturbRequest>): Promise<void> {
    const answer = await this.calls.call(wire.setDoNotDisturb, change);
    this.tookQuiet(answer.doNotDisturb, answer.version);
  }

  async readAll(): Promise<void> {
    const ends = this.inbox.rows().map((row) => ({ row, seq: row.known }));
    while ((await this.calls.call(wire.readAll, {})).more) {
      // A hundred conversations at a time.
    }
    for (const { row, seq } of ends) {
      this.inbox.moveRead(row, seq);
    }
  }
}
