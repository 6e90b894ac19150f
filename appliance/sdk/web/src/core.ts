import { Arrangement } from "./arrangement";
import { Calls } from "./calls";
import { CatchUp } from "./catchup";
import type { Push } from "./codec";
import { Connector, type Passenger } from "./connector";
import { Conversation } from "./conversation";
import { Deletions } from "./deletions";
import { KickedError, type StoreError, TimeoutError, toError, UsageError } from "./errors";
import { type Emit, Feed } from "./feed";
import { Inbox, type Listener } from "./inbox";
import type { Key } from "./key";
import type { Link } from "./link";
import { Outbox } from "./outbox";
import type { Connection, Part } from "./part";
import { Reads } from "./reads";
import { Rooms } from "./rooms";
import { nameDevice, type Settings } from "./settings";
import type { Login, Message, State, StateChange } from "./types";
import { onWake } from "./wake";
import { message } from "./wire";
import * as wire from "./wire.gen";
import { Writer } from "./writer";

/** How long logout waits for the server; it goes on without it. */
const logoutTimeout = 5_000;

/**
 * Core ties the parts of a client together; Client is its face.
 *
 *   Connector ── Link ── pushes ──▶ Inbox ──▶ events, in order
 *                 ▲                   ▲ │
 *               Calls                 │ └──▶ Writer ──▶ Store
 *                 ├── CatchUp: sync, history   ▲
 *                 ├── Outbox: send ────────────┤
 *                 ├── Reads, Rooms      Conversation: history
 *                 └── Parts: what else has versions, and takes pushes
 */
export class Core implements Passenger, Listener {
  readonly writer: Writer;
  readonly inbox: Inbox;
  readonly outbox: Outbox;
  readonly calls: Calls;
  readonly connector: Connector;
  readonly reads: Reads;
  readonly rooms: Rooms;
  readonly feed: Feed;
  readonly arrangement: Arrangement;
  readonly deletions: Deletions;
  current: State = "idle";
  login: Login | undefined;

  #loading: Promise<void> | undefined;
  #running: Promise<void> | undefined;
  #catchUp: CatchUp | undefined;
  #forgetting = false;
  #caughtUp = false; // at least once
  #connection: Connection | undefined;
  readonly #waiting = new Set<() => void>(); // for a change of state
  readonly #parts = new Set<Part>();
  readonly #takers = new Map<string, ((body: unknown) => void)[]>(); // of pushes, by their names

  constructor(
    readonly settings: Settings,
    private readonly emit: Emit,
  ) {
    const { logger, account } = settings;
    const source = {
      version: () => (this.inbox.synced ? this.inbox.version : undefined),
      rows: () => this.inbox.rows(),
      outbox: () => this.outbox.rows(),
    };
    this.writer = new Writer(settings.store, settings.cachePerConversation, source, logger, (err) =>
      this.#storeFailed(err),
    );
    this.inbox = new Inbox(account, settings.backlog, this.writer, this, logger);
    this.feed = new Feed(
      emit,
      () => this.inbox.rows(),
      (key) => new Conversation(this, key),
    );
    this.calls = new Calls(settings.callTimeoutMs);
    this.connector = new Connector(settings, this.calls, this);
    this.reads = new Reads(this.calls, logger);
    this.rooms = new Rooms(account, settings.platform, this.calls, {
      room: (event) => emit("room", event),
      roomMessage: (m) => emit("room_message", m),
      roomNotice: (notice) => emit("room_notice", notice),
    });
    this.outbox = new Outbox(
      this.calls,
      this.writer,
      {
        outgoing: (o) => this.feed.outgoing(o),
        accepted: (m) => {
          const from = { from: account, fromPlatform: settings.platform, fromDevice: settings.device.id };
          this.inbox.offer(message({ ...m, ...from }, account));
        },
        exists: (key, seq) => this.inbox.exists(key, seq),
        delivered: (conversation) => this.inbox.row(conversation)?.delivered ?? 0,
      },
      logger,
    );
    const { calls, inbox, writer } = this;
    this.arrangement = new Arrangement(
      calls,
      inbox,
      writer,
      { doNotDisturb: (d) => emit("do_not_disturb", d) },
      logger,
    );
    this.deletions = new Deletions(calls, inbox, writer, this.feed, logger);
    this.attach(this.arrangement);
    this.attach(this.deletions);
    this.#takePushes();
  }

  #takePushes(): void {
    const { account } = this.settings;
    this.onPush(wire.messagePush, ({ message: m }) => {
      if (m && m.seq > 0) {
        this.inbox.offer(message(m, account));
      }
    });
    this.onPush(wire.onlineMessagePush, ({ message: m }) => {
      if (m) {
        this.emit("online_message", message(m, account));
      }
    });
    this.onPush(wire.readPush, (p) => this.inbox.readPush(p));
    this.onPush(wire.teamStatePush, ({ state }) => {
      if (state) {
        this.inbox.teamState(state);
      }
    });
    this.onPush(wire.roomMessagePush, (p) => this.rooms.push(p));
    this.onPush(wire.roomNoticePush, (p) => this.rooms.notice(p));
    this.onPush(wire.roomOutPush, (p) => this.rooms.out(p));
    this.onPush(wire.deletionPush, ({ deletion }) => this.deletions.pushed(deletion?.version ?? 0));
    this.onPush(wire.conversationSettingPush, ({ setting }) => this.arrangement.took(setting));
    this.onPush(wire.doNotDisturbPush, (p) => this.arrangement.tookQuiet(p.doNotDisturb, p.version));
  }

  /** Carries part along, from before the first connection on. */
  attach(part: Part): void {
    if (this.#loading) {
      throw new UsageError("make modules before you call load or connect");
    }
    this.#parts.add(part);
  }

  /** Gives each push of one kind to take. */
  onPush<A>(push: Push<A>, take: (argument: A) => void): void {
    const takers = this.#takers.get(push.name) ?? [];
    this.#takers.set(push.name, takers);
    takers.push((body) => take(push.argument.read(body)));
  }

  /** Reads the store, once. */
  load(): Promise<void> {
    this.#loading ??= (async () => {
      const [snapshot] = await Promise.all([this.writer.load(), nameDevice(this.settings)]);
      this.inbox.load(snapshot.version, snapshot.conversations);
      this.outbox.load(snapshot.outbox);
      await Promise.all([...this.#parts].map((part) => part.load?.()));
      if (snapshot.conversations.length > 0) {
        this.emit("conversations", this.feed.list());
      }
    })();
    return this.#loading;
  }

  /** Starts to connect, once, and waits until everything missed is delivered for the first time. */
  async connect(): Promise<void> {
    this.#running ??= this.#run();
    await this.synced(Number.POSITIVE_INFINITY);
  }

  async #run(): Promise<void> {
    await this.load();
    if (this.calls.final) {
      await this.#end(); // closed meanwhile
      return;
    }
    const stop = onWake(() => this.wake());
    this.outbox.start();
    await this.connector.run();
    stop();
    await this.#end();
  }

  async #end(): Promise<void> {
    if (this.#forgetting) {
      this.outbox.clear();
      this.inbox.forget();
      this.#resetParts();
      await this.writer.clear();
    }
    this.settings.device.release();
    await this.writer.close();
  }

  /** Waits until everything missed has been delivered, at least once since the start. */
  async synced(timeoutMs = this.settings.callTimeoutMs): Promise<void> {
    const until = Date.now() + timeoutMs;
    while (!this.#caughtUp) {
      if (this.calls.final) {
        throw this.calls.final;
      }
      const left = until - Date.now();
      if (left <= 0) {
        throw new TimeoutError("not connected in time");
      }
      await this.#change(left);
    }
  }

  #change(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = Number.isFinite(timeoutMs) ? setTimeout(() => done(), timeoutMs) : undefined;
      const done = () => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve();
      };
      this.#waiting.add(done);
    });
  }

  /** Ends everything; what is to be stored is stored. */
  async close(): Promise<void> {
    this.inbox.stop();
    this.connector.close();
    if (this.current !== "kicked" && this.current !== "refused" && this.current !== "closed") {
      this.state({ state: "closed" });
    }
    await (this.#running ?? this.#loading?.then(() => this.#end()));
  }

  /** Ends the session at the server too; with forget, the store is emptied. */
  async logout(forget: boolean): Promise<void> {
    await this.load();
    if (this.calls.connected) {
      // The connection may end before the answer: that is what was asked for.
      await this.calls.call(wire.logout, {}, { once: true, timeoutMs: logoutTimeout }).catch(() => {});
    }
    this.#forgetting = forget;
    await this.close();
  }

  /** The user comes back to the page, or the network to the browser. */
  wake(): void {
    this.connector.wake();
    void this.#catchUp?.probe();
  }

  // Passenger

  state(change: StateChange): void {
    if (this.current === "closed") {
      return;
    }
    this.current = change.state;
    if (change.error instanceof KickedError) {
      this.emit("kicked", change.error.kicked);
    }
    this.emit("state", change);
    for (const done of [...this.#waiting]) {
      done();
    }
  }

  push(name: string, body: unknown): void {
    for (const take of this.#takers.get(name) ?? []) {
      take(body);
    }
  }

  serve(link: Link, login: Login, signal: AbortSignal): void {
    this.login = login;
    const connection = { link, signal };
    this.#connection = connection;
    for (const part of this.#parts) {
      part.connected?.(connection);
    }
    const listener = {
      caughtUp: () => {
        this.#caughtUp = true;
        this.state({ state: "connected" });
      },
      synced: async (last: wire.SyncResponse) => {
        await Promise.all([...this.#parts].map((part) => part.synced?.(last, connection)));
      },
      holds: (version: number) => [...this.#parts].every((part) => part.holds?.(version) ?? true),
      stored: () => this.writer.flush(),
    };
    const { settings, inbox, calls } = this;
    const catchUp = new CatchUp(settings.account, inbox, calls, listener, settings.logger, link, signal);
    this.#catchUp = catchUp;
    catchUp.run().catch((err) => {
      settings.logger.error("catching up failed", { error: String(err) });
      link.close(toError(err));
    });
    this.reads.resume();
    this.rooms.connected(link, signal);
    signal.addEventListener("abort", () => {
      this.#catchUp = undefined;
      this.#connection = undefined;
      for (const part of this.#parts) {
        part.disconnected?.();
      }
      this.rooms.disconnected();
    });
  }

  // Listener

  message(m: Message, live: boolean): void {
    this.feed.message(m, live);
  }

  recall(entry: Message): void {
    this.feed.recall(entry);
  }

  update(entry: Message): void {
    this.feed.update(entry);
  }

  missing(key: Key, fromSeq: number, toSeq: number): void {
    this.feed.missing(key, fromSeq, toSeq);
  }

  read(key: Key, by: "peer" | "self", seq: number): void {
    this.feed.read(key, by, seq);
  }

  team(key: Key, state: wire.TeamState): void {
    this.emit("team", { team: key.peer, state });
  }

  changed(key: Key): void {
    this.feed.changed(key);
  }

  settled(m: Message): void {
    this.outbox.settled(m);
  }

  readBehind(key: Key, seq: number): void {
    this.reads
      .tell(key, seq)
      .catch((err) => this.settings.logger.warn("telling a read cursor failed", { error: String(err) }));
  }

  reset(): void {
    this.reads.clear();
    this.#resetParts();
    void this.writer.clear();
    for (const row of this.outbox.rows()) {
      this.writer.outbox(row);
    }
    this.emit("reset");
    this.emit("conversations", this.feed.list());
  }

  #resetParts(): void {
    for (const part of this.#parts) {
      part.reset?.();
    }
  }

  /** The connection that there is. */
  get connection(): Connection | undefined {
    return this.#connection;
  }

  #storeFailed(err: StoreError): void {
    this.emit("error", err);
  }
}
