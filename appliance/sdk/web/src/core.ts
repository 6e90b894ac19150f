import { CatchUp } from "./catchup";
import { Connector, type Passenger } from "./connector";
import { Conversation } from "./conversation";
import { KickedError, type StoreError, TimeoutError } from "./errors";
import { Inbox, type Listener } from "./inbox";
import type { Link } from "./link";
import { Outbox } from "./outbox";
import { object } from "./protojson";
import { Reads } from "./reads";
import { Rooms } from "./rooms";
import { byTime, info } from "./row";
import { nameDevice, type Settings } from "./settings";
import type { ClientEvents, ConversationInfo, Login, Message, State, StateChange } from "./types";
import { message, readPush } from "./wire";
import { Writer } from "./writer";

/** How long logout waits for the server; it goes on without it. */
const logoutTimeout = 5_000;

/** Gives an event to the app. */
export type Emit = <K extends keyof ClientEvents>(name: K, ...args: ClientEvents[K]) => void;

/**
 * Core ties the parts of a client together; Client is its face.
 *
 *   Connector ── Link ── pushes ──▶ Inbox ──▶ events, in order
 *       │                             ▲ │
 *       ├── CatchUp: sync, history ───┘ └──▶ Writer ──▶ Store
 *       ├── Outbox: send                       ▲
 *       └── Reads, Rooms      Conversation: history
 */
export class Core implements Passenger, Listener {
  readonly writer: Writer;
  readonly inbox: Inbox;
  readonly outbox: Outbox;
  readonly connector: Connector;
  readonly reads: Reads;
  readonly rooms: Rooms;
  current: State = "idle";
  login: Login | undefined;

  readonly #conversations = new Map<string, Conversation>();
  #loading: Promise<void> | undefined;
  #running: Promise<void> | undefined;
  #catchUp: CatchUp | undefined;
  #forgetting = false;
  #caughtUp = false; // at least once
  readonly #waiting = new Set<() => void>(); // for a change of state
  readonly #changed = new Set<string>(); // peers, to be told at the end of this moment

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
    this.connector = new Connector(settings, this);
    this.reads = new Reads(this.connector, logger);
    this.rooms = new Rooms(account, settings.platform, this.connector, {
      room: (event) => emit("room", event),
      roomMessage: (m) => emit("room_message", m),
    });
    this.outbox = new Outbox(
      this.connector,
      this.writer,
      {
        outgoing: (o) => {
          this.emit("outgoing", o);
          this.#conversations.get(o.peer)?.deliver("outgoing", o);
        },
        accepted: (m) =>
          this.inbox.offer({
            ...m,
            from: account,
            own: true,
            fromPlatform: settings.platform,
            fromDevice: settings.device.id,
          }),
        exists: (peer, seq) => this.inbox.exists(peer, seq),
        delivered: (peer) => this.inbox.row(peer)?.delivered ?? 0,
      },
      logger,
    );
  }

  /** Reads the store, once. */
  load(): Promise<void> {
    this.#loading ??= (async () => {
      const [snapshot] = await Promise.all([this.writer.load(), nameDevice(this.settings)]);
      this.inbox.load(snapshot.version, snapshot.conversations);
      this.outbox.load(snapshot.outbox);
      if (snapshot.conversations.length > 0) {
        this.emit("conversations", this.list());
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
    if (this.connector.final) {
      return;
    }
    const stop = wakeOn(this);
    this.outbox.start();
    await this.connector.run();
    stop();
    await this.#end();
  }

  async #end(): Promise<void> {
    if (this.#forgetting) {
      this.outbox.clear();
      this.inbox.forget();
      await this.writer.clear();
    }
    this.settings.device.release();
    await this.writer.close();
  }

  /** Waits until everything missed has been delivered, at least once since the start. */
  async synced(timeoutMs = this.settings.callTimeoutMs): Promise<void> {
    const until = Date.now() + timeoutMs;
    while (!this.#caughtUp) {
      if (this.connector.final) {
        throw this.connector.final;
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
    this.connector.close();
    if (this.current !== "kicked" && this.current !== "refused" && this.current !== "closed") {
      this.state({ state: "closed" });
    }
    await (this.#running ?? this.#loading?.then(() => this.#end()));
  }

  /** Ends the session at the server too; with forget, the store is emptied. */
  async logout(forget: boolean): Promise<void> {
    await this.load();
    if (this.connector.connected) {
      // The connection may end before the answer: that is what was asked for.
      await this.connector.call("logout", {}, { once: true, timeoutMs: logoutTimeout }).catch(() => {});
    }
    this.#forgetting = forget;
    await this.close();
  }

  /** The user comes back to the page, or the network to the browser. */
  wake(): void {
    this.connector.wake();
    void this.#catchUp?.probe();
  }

  open(peer: string): Conversation {
    let conversation = this.#conversations.get(peer);
    if (!conversation) {
      conversation = new Conversation(this, peer);
      this.#conversations.set(peer, conversation);
    }
    return conversation;
  }

  list(): ConversationInfo[] {
    return this.inbox.rows().map(info).sort(byTime);
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
    switch (name) {
      case "message": {
        const m = message(object(body).message, this.settings.account);
        if (m) {
          this.inbox.offer(m);
        }
        break;
      }
      case "read_push": {
        const p = readPush(body);
        if (p) {
          this.inbox.readPush(p);
        }
        break;
      }
      case "room_message":
        this.rooms.push(body);
        break;
    }
  }

  serve(link: Link, login: Login, signal: AbortSignal): void {
    this.login = login;
    const listener = {
      caughtUp: () => {
        this.#caughtUp = true;
        this.state({ state: "connected" });
      },
      stored: () => this.writer.flush(),
    };
    const { settings, inbox, connector } = this;
    const catchUp = new CatchUp(settings.account, inbox, connector, listener, settings.logger, link, signal);
    this.#catchUp = catchUp;
    void catchUp.run();
    this.reads.resume();
    this.rooms.connected(link, signal);
    signal.addEventListener("abort", () => {
      this.#catchUp = undefined;
      this.rooms.disconnected();
    });
  }

  // Listener

  message(m: Message, live: boolean): void {
    const delivery = { live };
    this.emit("message", m, delivery);
    this.#conversations.get(m.peer)?.deliver("message", m, delivery);
  }

  recall(entry: Message): void {
    const event = { peer: entry.peer, seq: entry.refSeq, entry };
    this.emit("recall", event);
    this.#conversations.get(entry.peer)?.deliver("recall", event);
  }

  missing(peer: string, fromSeq: number, toSeq: number): void {
    const event = { peer, fromSeq, toSeq };
    this.emit("missing", event);
    this.#conversations.get(peer)?.deliver("missing", event);
  }

  read(peer: string, by: "peer" | "self", seq: number): void {
    const event = { peer, by, seq };
    this.emit("read", event);
    this.#conversations.get(peer)?.deliver("read", event);
  }

  /** Tells of changes once for all that happen in one moment. */
  changed(peer: string): void {
    if (this.#changed.size === 0) {
      setTimeout(() => {
        const peers = [...this.#changed];
        this.#changed.clear();
        this.emit("conversations", this.list());
        for (const one of peers) {
          const conversation = this.#conversations.get(one);
          conversation?.deliver("change", conversation.info);
        }
      });
    }
    this.#changed.add(peer);
  }

  settled(m: Message): void {
    this.outbox.settled(m);
  }

  readBehind(peer: string, seq: number): void {
    this.reads
      .tell(peer, seq)
      .catch((err) => this.settings.logger.warn("telling a read cursor failed", { error: String(err) }));
  }

  reset(): void {
    this.reads.clear();
    void this.writer.clear();
    for (const row of this.outbox.rows()) {
      this.writer.outbox(row);
    }
    this.emit("reset");
    this.emit("conversations", this.list());
  }

  #storeFailed(err: StoreError): void {
    this.emit("error", err);
  }
}

/** Wakes core when the user or the network comes back; the result stops that. */
function wakeOn(core: Core): () => void {
  if (typeof document === "undefined") {
    return () => {};
  }
  const wake = () => {
    if (document.visibilityState === "visible") {
      core.wake();
    }
  };
  globalThis.addEventListener("online", wake);
  globalThis.addEventListener("pageshow", wake);
  document.addEventListener("visibilitychange", wake);
  return () => {
    globalThis.removeEventListener("online", wake);
    globalThis.removeEventListener("pageshow", wake);
    document.removeEventListener("visibilitychange", wake);
  };
}
