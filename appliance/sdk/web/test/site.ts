import { createServer, type Server as HTTPServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Server, type Socket } from "socket.io";

type Json = Record<string, unknown>;
interface Entry {
  from: string;
  to: string;
  clientId: string;
  type: number;
  body: string;
  ext: string;
  fromDevice: string;
  seq: number;
  id: number;
  timeMs: number;
  refSeq: number;
  recalled: boolean;
}
interface Log {
  pair: [string, string];
  entries: Entry[];
  read: Map<string, number>;
  version: number;
}
interface Session {
  socket: Socket;
  account: string;
  deviceId: string;
  id: number;
  platform: string;
}

/**
 * Site is a small server on npm socket.io that speaks Yizhan's application
 * protocol over Socket.IO (events named as commands, ProtoJSON, login in the
 * CONNECT packet) and misbehaves on demand, in ways that a real node never
 * would. It is the reference for what the SDK sends, not for what a node does:
 * the scenarios run against a real node too, see scenarios.ts.
 */
export class Site {
  readonly requests: { account: string; command: string; body: Json }[] = [];
  readonly acked = new Map<string, number>(); // by device
  readonly sessions = new Set<Session>();
  /** Tokens by account; the default is the account's name. */
  readonly auth: Json[] = [];
  logins = 0;
  lbsAsked = 0;
  /** LBS's answer; the default names this site. */
  lbs: (() => { status: number; headers?: Record<string, string>; body: unknown }) | undefined;
  /** Refuses every login. */
  refused: { message: string; data: Json } | undefined;
  /** Answers a request in place of the site; undefined lets it pass. "silent" gives no answer, "cut" cuts after serving it. */
  intercept: ((account: string, command: string, body: Json) => Json | "silent" | "cut" | undefined) | undefined;
  /** What is pushed in place of a push. */
  mangle: ((to: string, event: string, body: Json) => { event: string; body: Json }[]) | undefined;
  /** Devices of one account replace one another. */
  single = false;
  /** Those of the same platform do. */
  perPlatform = false;
  /** Leaves requests for a WebSocket without an answer, as some proxies do. */
  swallowUpgrades = false;
  /** Entries below are no longer there. */
  pruned = 0;

  #logs = new Map<string, Log>();
  #sent = new Map<string, Json>();
  #profiles = new Map<string, Json>();
  #rooms = new Map<string, Set<Session>>();
  #version = 0;
  #ids = 1000;
  #swallowed: { destroy(): void }[] = [];
  #http: HTTPServer;
  #io: Server;

  private constructor() {
    this.#http = createServer((req, res) => this.#serveHTTP(req, res));
    this.#io = new Server(this.#http, { cors: { origin: "*" } });
    const upgrades = this.#http.listeners("upgrade");
    this.#http.removeAllListeners("upgrade").on("upgrade", (...args) => {
      if (this.swallowUpgrades) {
        this.#swallowed.push(args[1]);
        return;
      }
      for (const serve of upgrades) {
        serve(...args);
      }
    });
    this.#io.use((socket, next) => {
      if (this.refused) {
        next(Object.assign(new Error(this.refused.message), { data: this.refused.data }));
        return;
      }
      const auth = socket.handshake.auth as Json;
      this.auth.push(auth);
      if (auth.token !== auth.account) {
        next(Object.assign(new Error("wrong_token"), { data: { code: 302, note: "wrong token" } }));
        return;
      }
      next();
    });
    this.#io.on("connection", (socket) => this.#connected(socket));
  }

  static async start(): Promise<Site> {
    const site = new Site();
    await new Promise<void>((resolve) => site.#http.listen(0, "127.0.0.1", resolve));
    return site;
  }

  get address(): string {
    return `127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  get origin(): string {
    return `http://${this.address}`;
  }

  async close(): Promise<void> {
    for (const socket of this.#swallowed) {
      socket.destroy();
    }
    await this.#io.close();
  }

  /** Cuts the connections of account as a network would. */
  cut(account: string): void {
    for (const s of this.sessions) {
      if (s.account === account) {
        s.socket.conn.close();
      }
    }
  }

  kick(account: string, push: Json): void {
    for (const s of this.sessions) {
      if (s.account === account) {
        s.socket.emit("kicked", push);
        s.socket.disconnect();
      }
    }
  }

  push(account: string, event: string, body: Json): void {
    for (const s of this.sessions) {
      if (s.account === account) {
        s.socket.emit(event, body);
      }
    }
  }

  /** A message from a device that is not connected, such as the tenant's server. */
  inject(from: string, to: string, body: string, type = 0): Entry {
    return this.#append(from, "injected", { to, clientId: `injected-${this.#ids}`, body, type }, undefined);
  }

  /** All state is another, older one: a restored backup. */
  restore(): void {
    this.#logs.clear();
    this.#sent.clear();
    this.#version = 1;
  }

  log(a: string, b: string): Entry[] {
    return this.#log(a, b).entries;
  }

  #serveHTTP(req: IncomingMessage, res: ServerResponse): void {
    const url = new URL(req.url ?? "/", "http://x");
    if (url.pathname !== "/lbs") {
      res.writeHead(404).end();
      return;
    }
    this.lbsAsked++;
    const ok = { code: 200, access_points: [{ transport: "weblink", address: this.address }], ttl: 300 };
    const { status, headers, body } = this.lbs?.() ?? { status: 200, body: ok };
    res
      .writeHead(status, { "Content-Type": "application/json", "Access-Control-Allow-Origin": "*", ...headers })
      .end(JSON.stringify(body));
  }

  #connected(socket: Socket): void {
    const auth = socket.handshake.auth as Json;
    const account = String(auth.account);
    const session: Session = {
      socket,
      account,
      deviceId: String(auth.deviceId),
      id: ++this.#ids,
      platform: String(auth.platform),
    };
    const mine = [...this.sessions].filter((s) => s.account === account);
    for (const s of mine) {
      const same = s.platform === session.platform;
      if (this.single || (this.perPlatform && same) || s.deviceId === session.deviceId) {
        s.socket.emit("kicked", { reason: "KICK_REASON_REPLACED", byPlatform: auth.platform, byDevice: auth.deviceId });
        s.socket.disconnect();
      }
    }
    this.sessions.add(session);
    this.logins++;
    socket.on("disconnect", () => {
      this.sessions.delete(session);
      for (const room of this.#rooms.values()) {
        room.delete(session);
      }
    });
    socket.onAny((command: string, body: Json, ack?: (answer: Json) => void) =>
      this.#request(session, command, body ?? {}, ack ?? (() => {})),
    );
    socket.emit("login", {
      sessionId: String(session.id),
      serverTimeMs: String(Date.now()),
      heartbeatSeconds: 60,
      others: mine.map((s) => ({ sessionId: String(s.id), deviceId: s.deviceId, platform: s.platform })),
    });
  }

  #request(s: Session, command: string, body: Json, ack: (answer: Json) => void): void {
    this.requests.push({ account: s.account, command, body });
    const instead = this.intercept?.(s.account, command, body);
    if (instead === "silent") {
      return;
    }
    if (typeof instead === "object") {
      ack(instead);
      return;
    }
    const serve = this.#commands[command];
    const answer = serve ? serve(s, body) : { code: 509, body: { note: "unknown command" } };
    if (instead === "cut") {
      s.socket.conn.close();
    } else {
      ack(answer);
    }
  }

  readonly #commands: Record<string, (s: Session, body: Json) => Json> = {
    send: (s, b) => {
      const key = `${s.account} ${b.clientId}`;
      const before = this.#sent.get(key);
      if (before) {
        return ok({ ...before, duplicate: true });
      }
      if (b.body === "") {
        return { code: 414, body: { note: "body of a text must not be empty" } };
      }
      const e = this.#append(s.account, s.deviceId, b, s);
      const result = { seq: String(e.seq), id: String(e.id), timeMs: String(e.timeMs) };
      this.#sent.set(key, result);
      return ok(result);
    },
    recall: (s, b) => {
      const target = this.#log(s.account, String(b.peer)).entries[Number(b.seq) - 1];
      if (!target || target.from !== s.account) {
        return { code: target ? 403 : 404, body: {} };
      }
      const e = this.#append(s.account, s.deviceId, { ...b, to: b.peer, body: b.note, type: 1000 }, s, target.seq);
      Object.assign(target, { body: "", ext: "", recalled: true, refSeq: e.seq });
      return ok({ seq: String(e.seq) });
    },
    read: (s, b) => {
      const log = this.#log(s.account, String(b.peer));
      const seq = Number(b.seq);
      if (seq > (log.read.get(s.account) ?? 0)) {
        log.read.set(s.account, seq);
        log.version = ++this.#version;
        this.#deliver(log, s, "read_push", { reader: s.account, peer: b.peer, seq: String(seq) });
      }
      return ok({});
    },
    ack: (s, b) => {
      this.acked.set(s.deviceId, Number(b.version));
      return ok({});
    },
    sync: (s, b) => this.#sync(s, b),
    history: (s, b) => {
      const { entries } = this.#log(s.account, String(b.peer));
      const from = Number(b.fromSeq ?? 1);
      const to = Number(b.toSeq ?? entries.length);
      let found = entries.filter((e) => e.seq >= from && e.seq <= to && e.seq >= this.pruned);
      if (b.reverse) {
        found = found.reverse();
      }
      return ok({ messages: found.slice(0, Number(b.limit ?? 100)).map(entryJSON) });
    },
    profiles: (_, b) => {
      const known = (b.accounts as string[]).map((a) => this.#profiles.get(a)).filter(Boolean);
      return ok({ profiles: known });
    },
    update_profile: (s, b) => {
      this.#profiles.set(s.account, { account: s.account, updatedMs: "1", ...this.#profiles.get(s.account), ...b });
      return ok({});
    },
    kick: (s, b) => {
      for (const other of this.sessions) {
        if (other !== s && (b.sessionIds as string[]).includes(String(other.id))) {
          other.socket.emit("kicked", { reason: "KICK_REASON_OTHER_DEVICE", byDevice: s.deviceId });
          other.socket.disconnect();
        }
      }
      return ok({});
    },
    logout: (s) => {
      setImmediate(() => s.socket.disconnect());
      return ok({});
    },
    enter_room: (s, b) => {
      const room = this.#rooms.get(String(b.room)) ?? new Set();
      this.#rooms.set(String(b.room), room.add(s));
      return ok({ members: room.size });
    },
    exit_room: (s, b) => {
      this.#rooms.get(String(b.room))?.delete(s);
      return ok({});
    },
    send_room: (s, b) => {
      const sent = { id: String(++this.#ids), timeMs: String(Date.now()) };
      for (const member of this.#rooms.get(String(b.room)) ?? []) {
        if (member !== s) {
          member.socket.emit("room_message", { ...b, ...sent, from: s.account, fromPlatform: s.platform });
        }
      }
      return ok(sent);
    },
  };

  #sync(s: Session, b: Json): Json {
    const after = Number(b.version ?? 0);
    const limit = Number(b.limit ?? 100);
    const changed = [...this.#logs.values()]
      .filter((log) => log.pair.includes(s.account) && log.version > after)
      .sort((x, y) => x.version - y.version);
    const page = changed.slice(0, limit);
    const more = changed.length > limit;
    return ok({
      conversations: page.map((log) => {
        const peer = log.pair[0] === s.account ? log.pair[1] : log.pair[0];
        return prune({
          peer,
          lastSeq: String(log.entries.length),
          readSeq: String(log.read.get(s.account) ?? 0),
          peerReadSeq: String(log.read.get(peer) ?? 0),
          version: String(log.version),
          timeMs: String(log.entries.at(-1)?.timeMs ?? 0),
          unread: log.entries.filter(
            (e) => e.from === peer && e.seq > (log.read.get(s.account) ?? 0) && !e.recalled && e.type < 1000,
          ).length,
        });
      }),
      version: String(more ? page.at(-1)!.version : this.#version),
      ...(more && { more }),
    });
  }

  #append(from: string, device: string, b: Json, origin: Session | undefined, refSeq = 0): Entry {
    const log = this.#log(from, String(b.to));
    const e: Entry = {
      from,
      to: String(b.to),
      clientId: String(b.clientId),
      type: Number(b.type ?? 0),
      body: String(b.body ?? ""),
      ext: String(b.ext ?? ""),
      fromDevice: device,
      seq: log.entries.length + 1,
      id: ++this.#ids,
      timeMs: Date.now(),
      refSeq,
      recalled: false,
    };
    log.entries.push(e);
    log.version = ++this.#version;
    this.#deliver(log, origin, "message", { message: entryJSON(e) });
    return e;
  }

  #deliver(log: Log, origin: Session | undefined, event: string, body: Json): void {
    for (const s of this.sessions) {
      if (s !== origin && log.pair.includes(s.account)) {
        for (const push of this.mangle?.(s.account, event, body) ?? [{ event, body }]) {
          s.socket.emit(push.event, push.body);
        }
      }
    }
  }

  #log(a: string, b: string): Log {
    const pair = [a, b].sort() as [string, string];
    const key = pair.join(" ");
    let log = this.#logs.get(key);
    if (!log) {
      log = { pair, entries: [], read: new Map(), version: 0 };
      this.#logs.set(key, log);
    }
    return log;
  }
}

function ok(body: Json): Json {
  return { code: 200, body: prune(body) };
}

/** ProtoJSON: 64-bit integers are strings, defaults are left out. */
function entryJSON(e: Entry): Json {
  return prune({
    ...e,
    fromPlatform: "PLATFORM_WEB",
    seq: String(e.seq),
    id: String(e.id),
    timeMs: String(e.timeMs),
    refSeq: String(e.refSeq),
  });
}

function prune(o: Json): Json {
  return Object.fromEntries(Object.entries(o).filter(([, v]) => v !== "" && v !== "0" && v !== 0 && v !== false));
}
