// The inbox and the catch-up alone, with a server that is a function and fake time.

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Calls } from "../src/calls";
import { CatchUp } from "../src/catchup";
import type { Request } from "../src/codec";
import { ConnectionError, ServerError, TimeoutError } from "../src/errors";
import { Inbox, type Listener } from "../src/inbox";
import { keyOf } from "../src/key";
import type { Link } from "../src/link";
import { MemoryStore } from "../src/memory";
import type { Json } from "../src/protojson";
import { type Message, MessageType } from "../src/types";
import { Writer } from "../src/writer";
import { entry, json } from "./entry";
import { seeded } from "./random";

const silent = { info() {}, warn() {}, error() {} };

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** A bench: an inbox, a catch-up and a server whose answers a test decides. */
class Bench {
  readonly delivered: string[] = []; // "peer seq", "!peer from-to" for missing
  readonly warnings: string[] = [];
  readonly requests: { command: string; body: Json }[] = [];
  resets = 0;
  caughtUp = 0;
  last = new Map<string, number>();
  answer: (command: string, body: Json) => Json | Promise<Json>;
  readonly inbox: Inbox;
  readonly writer: Writer;
  readonly ended = new AbortController();
  readonly link = { reason: undefined as Error | undefined, close: (err: Error) => this.cut(err) };

  constructor(answer: (command: string, body: Json) => Json | Promise<Json>) {
    this.answer = answer;
    const listener: Listener = {
      message: (m) => this.#deliver(m),
      recall: (m) => this.#deliver(m),
      update: (m) => this.#deliver(m),
      team() {},
      missing: ({ peer }, from, to) => {
        expect(from).toBe((this.last.get(peer) ?? 0) + 1);
        this.last.set(peer, to);
        this.delivered.push(`!${peer} ${from}-${to}`);
      },
      read() {},
      changed() {},
      settled() {},
      readBehind() {},
      reset: () => {
        this.resets++;
        this.last.clear();
      },
    };
    const source = { version: () => 0, rows: () => this.inbox.rows(), outbox: () => [] };
    this.writer = new Writer(new MemoryStore(), 100, source, silent, () => {});
    this.inbox = new Inbox("me", 1000, this.writer, listener, silent);
  }

  #deliver(m: Message): void {
    const before = this.last.get(m.peer);
    if (before !== undefined) {
      expect(m.seq, `${m.peer}: gapless, in order`).toBe(before + 1);
    }
    this.last.set(m.peer, m.seq);
    this.delivered.push(`${m.peer} ${m.seq}`);
  }

  cut(err: Error): void {
    this.link.reason = err;
    this.ended.abort();
  }

  run(): CatchUp {
    const connector = {
      request: async (_link: Link, { name, answer }: Request<unknown, unknown>, body: Json) => {
        this.requests.push({ command: name, body });
        return answer.read(await this.answer(name, body));
      },
    };
    const catchUp = new CatchUp(
      "me",
      this.inbox,
      connector as unknown as Calls,
      {
        caughtUp: () => this.caughtUp++,
        synced: async () => {},
        holds: () => true,
        stored: () => this.writer.flush(),
      },
      { ...silent, warn: (text) => this.warnings.push(text) },
      this.link as unknown as Link,
      this.ended.signal,
    );
    void catchUp.run();
    return catchUp;
  }
}

test("whatever the order, the number and the losses of pushes: each once, in order", async () => {
  for (let seed = 1; seed <= 100; seed++) {
    const random = seeded(seed);
    const peers = ["a", "b", "c"];
    const logs = new Map(peers.map((peer) => [peer, 0]));
    const bench = new Bench(async (command, body) => {
      if (random() < 0.2) {
        throw new ServerError(500);
      }
      if (command === "sync") {
        return {
          version: "1",
          conversations: peers.map((peer) => ({ peer, lastSeq: String(logs.get(peer)) })),
        };
      }
      if (command === "history") {
        const peer = String(body.peer);
        const messages: Json[] = [];
        const to = Math.min(Number(body.toSeq), logs.get(peer)!);
        for (let seq = Number(body.fromSeq); seq <= to; seq++) {
          messages.push(json(entry(peer, seq)));
        }
        // Answers may be cut for their size, and doubled.
        return { messages: messages.slice(0, 1 + Math.floor(random() * messages.length)) };
      }
      return {};
    });
    bench.run();
    await vi.advanceTimersByTimeAsync(60_000);
    const air: Message[] = [];
    for (let i = 0; i < 120; i++) {
      const peer = peers[Math.floor(random() * peers.length)]!;
      const seq = logs.get(peer)! + 1;
      logs.set(peer, seq);
      air.push(entry(peer, seq));
      while (air.length > 0 && random() < 0.6) {
        const [m] = air.splice(Math.floor(random() * air.length), 1);
        if (random() < 0.8) {
          bench.inbox.offer(m!);
        }
        if (random() < 0.1) {
          bench.inbox.offer(m!);
        }
      }
      if (random() < 0.05) {
        await vi.advanceTimersByTimeAsync(random() * 200);
      }
    }
    // The last of each conversation arrives, so that the end is known.
    for (const peer of peers) {
      if (logs.get(peer)! > 0) {
        bench.inbox.offer(entry(peer, logs.get(peer)!));
      }
    }
    await vi.advanceTimersByTimeAsync(10 * 60_000);
    for (const peer of peers) {
      const seen = bench.delivered.filter((d) => d.startsWith(`${peer} `));
      const all = Array.from({ length: logs.get(peer)! }, (_, i) => `${peer} ${i + 1}`);
      expect(seen, `seed ${seed}`).toEqual(all);
    }
    bench.cut(new ConnectionError("end"));
  }
});

test("what the server no longer has is skipped after some attempts, and said", async () => {
  const bench = new Bench((command, body) => {
    if (command === "sync") {
      return { version: "9", conversations: [{ peer: "a", lastSeq: "10" }] };
    }
    const messages = [4, 5, 6, 9, 10].filter((seq) => seq >= Number(body.fromSeq)).map((seq) => json(entry("a", seq)));
    return { messages };
  });
  bench.run();
  await vi.advanceTimersByTimeAsync(3_000);
  expect(bench.delivered).toEqual([]);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(bench.delivered).toEqual(["!a 1-3", "a 4", "a 5", "a 6", "!a 7-8", "a 9", "a 10"]);
});

test("what is past retention is skipped at once, and said; what is not ours to read is not", async () => {
  let begin: Json = { firstSeq: "4", floorSeq: "4" };
  const bench = new Bench((command, body) => {
    if (command === "sync") {
      return { version: "9", conversations: [{ peer: "a", lastSeq: "5" }] };
    }
    const messages = [4, 5, 9].filter((seq) => seq >= Number(body.fromSeq)).map((seq) => json(entry("a", seq)));
    return { messages, ...begin };
  });
  bench.run();
  await vi.advanceTimersByTimeAsync(100);
  expect(bench.delivered).toEqual(["!a 1-3", "a 4", "a 5"]);
  begin = { firstSeq: "9", floorSeq: "4" };
  bench.last.set("a", 8);
  bench.inbox.offer(entry("a", 9));
  await vi.advanceTimersByTimeAsync(1_000);
  expect(bench.delivered).toEqual(["!a 1-3", "a 4", "a 5", "a 9"]);
});

test("a new device begins at the first entry that it may read", async () => {
  const bench = new Bench((command, body) => {
    if (command === "sync") {
      return { version: "9", conversations: [{ peer: "a", lastSeq: "5", firstSeq: "5", floorSeq: "5" }] };
    }
    return { messages: [json(entry("a", Number(body.fromSeq)))], firstSeq: "5", floorSeq: "5" };
  });
  bench.run();
  await vi.advanceTimersByTimeAsync(100);
  expect(bench.delivered).toEqual(["a 5"]);
});

test("a history that stays empty is skipped too", async () => {
  const bench = new Bench((command) =>
    command === "sync" ? { version: "9", conversations: [{ peer: "a", lastSeq: "250" }] } : {},
  );
  bench.run();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(bench.delivered).toEqual(["!a 1-100", "!a 101-200", "!a 201-250"]);
});

test("a site that has lost data is believed at the third time, then everything comes anew", async () => {
  const bench = new Bench((command, body) =>
    command === "sync"
      ? { version: "5", ...(Number(body.version) === 0 && { conversations: [{ peer: "a", lastSeq: "1" }] }) }
      : { messages: [json(entry("a", 1, { body: "another one" }))] },
  );
  bench.inbox.load(100, []);
  bench.inbox.offer(entry("a", 1));
  bench.run();
  await vi.advanceTimersByTimeAsync(4_000);
  expect(bench.resets).toBe(0);
  await vi.advanceTimersByTimeAsync(20_000);
  expect(bench.resets).toBe(1);
  expect(bench.caughtUp).toBe(1);
  expect(bench.delivered).toEqual(["a 1", "a 1"]);
  expect(bench.inbox.version).toBe(5);
});

test("a version that lags once is no reason to start over", async () => {
  let n = 0;
  const bench = new Bench((command) => (command === "sync" ? { version: n++ === 0 ? "99" : "100" } : {}));
  bench.inbox.load(100, []);
  bench.run();
  await vi.advanceTimersByTimeAsync(20_000);
  expect([bench.resets, bench.caughtUp]).toEqual([0, 1]);
});

test("pages of sync that do not advance end the sync, not the client", async () => {
  let n = 0;
  const bench = new Bench((command) => (command === "sync" ? { version: "7", more: n++ < 2 } : {}));
  bench.run();
  await vi.advanceTimersByTimeAsync(20_000);
  expect(bench.warnings).toContain("sync failed: the server's pages do not advance");
  expect(bench.caughtUp).toBe(1);
});

test("the version is acknowledged once everything is there, and asked again now and then", async () => {
  let version = 3;
  const bench = new Bench((command) => (command === "sync" ? { version: String(version) } : {}));
  bench.run();
  await vi.advanceTimersByTimeAsync(1_000);
  const acks = () => bench.requests.filter((r) => r.command === "ack").map((r) => r.body.version);
  expect(acks()).toEqual([3]);
  version = 8;
  await vi.advanceTimersByTimeAsync(10 * 60_000);
  expect(acks()).toEqual([3, 8]);
  await vi.advanceTimersByTimeAsync(10 * 60_000);
  expect(acks()).toEqual([3, 8]);
});

test("a connection that does not answer a probe is given up", async () => {
  const bench = new Bench(() => ({ version: "3" }));
  const catchUp = bench.run();
  await vi.advanceTimersByTimeAsync(1_000);
  bench.answer = async () => {
    throw new TimeoutError("no answer");
  };
  await catchUp.probe();
  expect(bench.link.reason?.message).toBe("the connection does not answer");
});

test("a probe finds what was missed, in any number of pages", async () => {
  let last = 0;
  const bench = new Bench((command, body) => {
    if (command === "sync") {
      const more = Number(body.version) === 3 && last > 0;
      const conversations = last > 0 ? [{ peer: more ? "a" : "b", lastSeq: "1" }] : [];
      return { version: more ? "4" : last > 0 ? "5" : "3", conversations, more };
    }
    return { messages: [json(entry(String(body.peer), 1))] };
  });
  const catchUp = bench.run();
  await vi.advanceTimersByTimeAsync(1_000);
  last = 1;
  await catchUp.probe();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(bench.delivered.sort()).toEqual(["a 1", "b 1"]);
});

test("early messages are bounded: history has the others", async () => {
  const bench = new Bench((command, body) => {
    if (command === "history") {
      const from = Number(body.fromSeq);
      const length = Math.min(100, 1001 - from);
      return { messages: Array.from({ length }, (_, i) => json(entry("a", from + i))) };
    }
    return { version: "1" };
  });
  bench.run();
  await vi.advanceTimersByTimeAsync(100);
  for (let seq = 2; seq <= 1000; seq++) {
    bench.inbox.offer(entry("a", seq));
  }
  await vi.advanceTimersByTimeAsync(1_000);
  expect(bench.delivered.length).toBe(1000);
  expect(bench.requests.filter((r) => r.command === "history").length).toBeLessThan(10);
});

test("unread is exact for what was delivered, and bounded", () => {
  const bench = new Bench(() => ({}));
  bench.inbox.load(1, []);
  for (let seq = 1; seq <= 3000; seq++) {
    bench.inbox.offer(entry("a", seq, { own: seq % 2 === 0 }));
  }
  const row = bench.inbox.row("a")!;
  expect(row.unread.length).toBe(1000);
  bench.inbox.moveRead(row, 2000);
  expect(row.unread.length).toBe(500);
  bench.inbox.offer(entry("a", 3001, { type: MessageType.Recall, refSeq: 2999 }));
  expect(row.unread.length).toBe(499);
});

test("a first sync that breaks off leaves a new device new", async () => {
  const bench = new Bench((command, body) => {
    if (command !== "sync") {
      return { messages: [json(entry(String(body.peer), Number(body.fromSeq)))] };
    }
    if (Number(body.version) === 0) {
      return { version: "1", conversations: [{ peer: "a", lastSeq: "1" }], more: true };
    }
    throw new ConnectionError("lost");
  });
  bench.run();
  await vi.advanceTimersByTimeAsync(100);
  expect(bench.inbox.version).toBe(0);
  bench.inbox.exists(keyOf("p2p", "b"), 5_000); // an old conversation of the second page
  expect(bench.inbox.row("b")).toMatchObject({ delivered: 4_000 }); // the backlog is 1000
});

test("nothing is acknowledged while something is missing", async () => {
  let give!: (answer: Json) => void;
  const bench = new Bench((command) => {
    if (command === "sync") {
      return { version: "3", conversations: [{ peer: "a", lastSeq: "1" }] };
    }
    return command === "history" ? new Promise<Json>((resolve) => (give = resolve)) : {};
  });
  bench.run();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(bench.requests.map((r) => r.command)).toEqual(["sync", "history"]);
  bench.inbox.exists(keyOf("p2p", "a"), 2); // work for the loop, and still a fill under way
  await vi.advanceTimersByTimeAsync(5_000);
  expect(bench.caughtUp).toBe(0);
  give({ messages: [json(entry("a", 1)), json(entry("a", 2))] });
  await vi.advanceTimersByTimeAsync(5_000);
  expect(bench.requests.map((r) => r.command)).toEqual(["sync", "history", "ack"]);
});

test("an answer of history that was made before a recall does not bring the content back", () => {
  const bench = new Bench(() => ({}));
  bench.inbox.load(1, []);
  const secret = entry("a", 1);
  bench.inbox.offer(secret);
  expect(bench.inbox.current(secret)).toBe(secret);
  for (let seq = 2; seq <= 70; seq++) {
    bench.inbox.offer(entry("a", seq, { type: MessageType.Recall, refSeq: seq === 70 ? 1 : 1000 + seq }));
  }
  expect(bench.inbox.current(secret)).toMatchObject({ body: "", recalled: true, refSeq: 70 });
  expect(bench.inbox.current(entry("a", 1002)).recalled).toBe(false); // bounded: the oldest are forgotten
});
