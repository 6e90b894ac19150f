import "fake-indexeddb/auto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { StoreError } from "../src/errors";
import { IndexedDBStore } from "../src/indexeddb";
import { keyOf } from "../src/key";
import { MemoryStore } from "../src/memory";
import { append, info, newRow } from "../src/row";
import { type Batch, emptyBatch, type Store } from "../src/store";
import { MessageType } from "../src/types";
import { MessageOp } from "../src/wire.gen";
import { Writer } from "../src/writer";
import { entry } from "./entry";
import { Fleet, until } from "./helpers";
import { Site } from "./site";

let count = 0;

const bob = keyOf("p2p", "bob");

describe.each([
  ["MemoryStore", () => new MemoryStore()],
  ["IndexedDBStore", () => new IndexedDBStore(`test ${count++}`)],
] as [string, () => Store][])("%s", (_, make) => {
  let store: Store;

  beforeEach(() => {
    store = make();
  });

  afterEach(() => {
    store.close();
  });

  const write = (b: Partial<Batch>) => store.write({ ...emptyBatch(), ...b });

  test("is empty, keeps, forgets", async () => {
    expect(await store.load()).toEqual({ version: undefined, conversations: [], outbox: [] });
    const row = newRow(bob, 3);
    const out = { ...bob, clientId: "c", content: { body: "b" }, createdMs: 5 };
    await write({ version: 0, conversations: [row], outbox: [{ ...out, clientId: "later", createdMs: 9 }, out] });
    const snapshot = await store.load();
    expect(snapshot.version).toBe(0);
    expect(snapshot.conversations).toEqual([row]);
    expect(snapshot.outbox.map((o) => o.clientId)).toEqual(["c", "later"]);
    await write({ settled: ["c"] });
    expect((await store.load()).outbox.map((o) => o.clientId)).toEqual(["later"]);
    await store.clear();
    expect(await store.load()).toEqual({ version: undefined, conversations: [], outbox: [] });
  });

  test("one write changes a message more than once", async () => {
    const reacts = (seq: number, from: string) => ({
      conversation: "bob",
      seq: 1,
      entry: entry("bob", seq, { type: MessageType.Reaction, refSeq: 1, from, op: MessageOp.read({ emoji: "👍" }) }),
    });
    await write({ messages: [entry("bob", 1)], changed: [reacts(2, "a"), reacts(3, "b")] });
    await write({ changed: [reacts(4, "c"), reacts(5, "d")], hidden: [] });
    const [message] = await store.messages("bob", 1, 1);
    expect(message?.changes?.reactions.map((r) => [r.emoji, r.count, r.accounts])).toEqual([
      ["👍", 4, ["a", "b", "c", "d"]],
    ]);
  });

  test("messages by range, recalls, trimming", async () => {
    const messages = Array.from({ length: 30 }, (_, i) => entry("bob", i + 1));
    await write({ messages: [...messages, entry("bobby", 5)] });
    expect((await store.messages("bob", 5, 8)).map((m) => m.seq)).toEqual([5, 6, 7, 8]);
    expect(await store.messages("nobody", 1, 9)).toEqual([]);
    await write({
      changed: [6, 999].map((seq) => ({
        conversation: "bob",
        seq,
        entry: entry("bob", 31, { type: MessageType.Recall, refSeq: seq }),
      })),
      hidden: [7, 999].map((seq) => ({ conversation: "bob", seq })),
    });
    expect((await store.messages("bob", 7, 7))[0]).toMatchObject({ body: "", hidden: true });
    await write({ messages: [entry("bob", 6), entry("bob", 7)] }); // of a tab that is behind
    expect((await store.messages("bob", 7, 7))[0]).toMatchObject({ body: "", hidden: true });
    expect((await store.messages("bob", 6, 6))[0]).toMatchObject({ body: "", recalled: true, refSeq: 31 });
    await write({ trim: [-5, 0, 1].map((seq) => ({ conversation: "bob", seq })) });
    expect((await store.messages("bob", 1, 99)).length).toBe(30);
    await write({ trim: [{ conversation: "bob", seq: 21 }] });
    expect((await store.messages("bob", 1, 99)).map((m) => m.seq)[0]).toBe(21);
    expect((await store.messages("bobby", 1, 99)).length).toBe(1);
  });

  test("rows of two tabs merge: nothing goes back", async () => {
    const ahead = newRow(bob, 0);
    for (let seq = 1; seq <= 5; seq++) {
      append(ahead, entry("bob", seq));
    }
    const behind = newRow(bob, 0);
    append(behind, entry("bob", 1));
    Object.assign(behind, { known: 9, read: 2, peerRead: 4, timeMs: 100 });
    await write({ version: 50, conversations: [ahead] });
    await write({ version: 40, conversations: [behind] });
    const { version, conversations } = await store.load();
    expect(version).toBe(50);
    expect(conversations[0]).toMatchObject({
      delivered: 5,
      known: 9,
      read: 2,
      peerRead: 4,
      timeMs: 100,
      unread: [3, 4, 5],
      last: { seq: 5 },
    });
  });
});

test("records: the larger version stays, and tables are apart", async () => {
  for (const store of [new MemoryStore(), new IndexedDBStore(`test ${count++}`)]) {
    const record = (key: string, version: number, value: unknown) => ({ table: "t", key, version, value });
    const write = (b: Partial<Batch>) => store.write({ ...emptyBatch(), ...b });
    await write({ records: [record("a", 2, "new"), record("b", 1, "b"), { ...record("a", 1, "other"), table: "t2" }] });
    await write({
      records: [record("a", 1, "old")],
      dropped: ["a", "b"].map((key) => ({ table: "t", key, version: 1 })),
    });
    expect(await store.records("t")).toEqual([record("a", 2, "new")]);
    expect(await store.records("t2")).toHaveLength(1);
    await store.clear();
    expect(await store.records("t")).toEqual([]);
    store.close();
  }
});

test("a database of layout 1 is upgraded: cursors and what waits stay", async () => {
  const owner = `test ${count++}`;
  await new Promise<void>((resolve, reject) => {
    const request = indexedDB.open(`yizhan ${owner}`, 1);
    request.onupgradeneeded = () => {
      const db = request.result;
      db.createObjectStore("meta").put(77, "version");
      const old = {
        peer: "bob",
        delivered: 9,
        known: 12,
        read: 3,
        peerRead: 2,
        timeMs: 5,
        unread: [8, 9],
        countedFrom: 6,
      };
      db.createObjectStore("conversations", { keyPath: "peer" }).put(old);
      db.createObjectStore("messages", { keyPath: ["peer", "seq"] }).put({ peer: "bob", seq: 9 });
      const out = { peer: "bob", clientId: "c", type: 0, body: "b", ext: "e", createdMs: 5 };
      db.createObjectStore("outbox", { keyPath: "clientId" }).put(out);
    };
    request.onsuccess = () => {
      request.result.close();
      resolve();
    };
    request.onerror = () => reject(request.error);
  });
  const store = new IndexedDBStore(owner);
  const { version, conversations, outbox } = await store.load();
  expect(version).toBeUndefined(); // teams were passed over: all is synced once more
  expect(conversations).toMatchObject([
    { conversation: "bob", scene: "p2p", peer: "bob", delivered: 9, known: 12, read: 3 },
  ]);
  expect(info(conversations[0]!).unread).toBe(4);
  expect(outbox).toEqual([{ ...bob, clientId: "c", content: { type: 0, body: "b", ext: "e" }, createdMs: 5 }]);
  expect(await store.messages("bob", 1, 99)).toEqual([]);
  store.close();
});

test("IndexedDB opens again what the browser has closed, and nothing after close", async () => {
  const owner = `test ${count++}`;
  const store = new IndexedDBStore(owner);
  await store.write({ ...emptyBatch(), version: 1 });
  await new Promise<void>((resolve, reject) => {
    // Another tab deletes the database: ours lets go of it.
    const request = indexedDB.deleteDatabase(`yizhan ${owner}`);
    request.onsuccess = () => resolve();
    request.onerror = () => reject(request.error);
  });
  expect((await store.load()).version).toBeUndefined();
  store.close();
  await expect(store.load()).rejects.toBeInstanceOf(StoreError);
});

const silent = { info() {}, warn() {}, error() {} };

/** A store that fails as a browser without room does. */
class Full extends MemoryStore {
  batches: Batch[] = [];
  room = 0;
  override async write(b: Batch): Promise<void> {
    if (b.trim.length > 0 && b.messages.length === 0) {
      this.room += 1; // what trimming gives
    } else if (this.room === 0) {
      throw new DOMException("full", "QuotaExceededError");
    } else {
      this.room--;
    }
    this.batches.push(b);
    await super.write(b);
  }
}

function writerOn(store: Store, failed: (err: StoreError) => void): Writer {
  const row = newRow(bob, 100);
  return new Writer(store, 100, { version: () => 7, rows: () => [row], outbox: () => [] }, silent, failed);
}

test("a full store gets room from older messages", async () => {
  const store = new Full();
  const writer = writerOn(store, (err) => expect.fail(String(err)));
  writer.message(entry("bob", 100), 100);
  await writer.flush();
  expect(store.batches[0]!.trim).toEqual([{ conversation: "bob", seq: 87 }]);
  expect(await writer.messages("bob", 100, 100)).toHaveLength(1);
});

test("a store that fails for good is replaced by memory, and the app is told", async () => {
  const store = new Full();
  store.write = async () => {
    throw new DOMException("broken", "UnknownError");
  };
  const errors: StoreError[] = [];
  const writer = writerOn(store, (err) => errors.push(err));
  writer.message(entry("bob", 100), 100);
  writer.version(7);
  await writer.flush();
  expect(errors).toHaveLength(1);
  writer.message(entry("bob", 101), 101);
  expect((await writer.messages("bob", 1, 101)).map((m) => m.seq)).toEqual([101]);
  expect(await writer.load()).toMatchObject({ version: 7, conversations: [{ peer: "bob" }] });
});

test("changes of one moment, and those during a write, become one batch each", async () => {
  const store = new Full();
  store.room = 1e6;
  const writer = writerOn(store, () => {});
  for (let seq = 1; seq <= 10; seq++) {
    writer.message(entry("bob", seq), seq);
  }
  await Promise.resolve();
  await Promise.resolve(); // the first write has begun
  writer.version(1);
  writer.version(2);
  writer.outbox({ ...bob, clientId: "c", content: { body: "" }, createdMs: 1 });
  writer.settled("c");
  await writer.flush();
  expect(store.batches.map((b) => b.messages.length)).toEqual([10, 0]);
  expect(store.batches[1]).toMatchObject({ version: 2, outbox: [], settled: ["c"] });
});

test("the cache is bounded", async () => {
  const store = new MemoryStore();
  const writer = writerOn(store, () => {});
  for (let seq = 1; seq <= 1000; seq++) {
    writer.message(entry("bob", seq), seq);
    if (seq % 50 === 0) {
      await writer.flush();
    }
  }
  await writer.flush();
  const held = await store.messages("bob", 1, 1000);
  expect(held.length).toBeGreaterThanOrEqual(100);
  expect(held.length).toBeLessThanOrEqual(113);
  writer.message(entry("bob", 3), 1000); // an old one that was read again
  await writer.flush();
  expect(await store.messages("bob", 3, 3)).toEqual([]);
});

describe("a client on IndexedDB", () => {
  let site: Site;
  let fleet: Fleet;

  beforeEach(async () => {
    site = await Site.start();
    fleet = new Fleet({ endpoint: site.origin });
  });

  afterEach(async () => {
    await fleet.close();
    await site.close();
  });

  test("comes back after a reload with what it had, and gets what it missed once", async () => {
    const first = await fleet.connect("bob", { deviceId: "d", cachePerConversation: 100 });
    for (let i = 1; i <= 700; i++) {
      site.inject("alice", "bob", String(i));
    }
    await until("700", () => first.seen.messages.length === 700);
    await first.client.close();
    site.inject("alice", "bob", "701");
    const second = fleet.make("bob", { deviceId: "d" });
    await second.client.load();
    expect(second.client.conversations()[0]).toMatchObject({ peer: "alice", lastSeq: 700, unread: 700 });
    const offline = await second.client.open("alice").history(undefined, 100);
    expect(offline.messages.map((m) => m.seq)).toEqual(Array.from({ length: 100 }, (_, i) => i + 601));
    await second.client.connect();
    expect(second.seen.bodies("alice")).toEqual(["701"]);
    expect([...first.seen.errors, ...second.seen.errors]).toEqual([]);
  });

  test("two tabs share it", async () => {
    const one = await fleet.connect("bob", { deviceId: "1" });
    const two = await fleet.connect("bob", { deviceId: "2" });
    for (let i = 1; i <= 40; i++) {
      site.inject("alice", "bob", String(i));
      if (i === 20) {
        site.cut("bob");
      }
    }
    const all = Array.from({ length: 40 }, (_, i) => String(i + 1));
    for (const { client, seen } of [one, two]) {
      await until("40", () => seen.messages.length === 40);
      expect(seen.bodies("alice")).toEqual(all);
      expect((await client.open("alice").history(undefined, 40)).messages.map((m) => m.body)).toEqual(all);
    }
    await two.client.open("alice").markRead();
    await until("read", () => one.client.conversations()[0]!.unread === 0);
  });

  test("logout leaves nothing", async () => {
    const { client } = await fleet.connect("bob");
    site.inject("alice", "bob", "secret");
    await until("1", () => client.conversations().length === 1);
    await client.logout();
    const next = fleet.make("bob");
    await next.client.load();
    expect(next.client.conversations()).toEqual([]);
  });

  test("a browser without IndexedDB serves from memory, and says so", async () => {
    const open = indexedDB.open;
    indexedDB.open = () => {
      throw new DOMException("no", "SecurityError");
    };
    try {
      const { client, seen } = await fleet.connect("bob");
      site.inject("alice", "bob", "hi");
      await until("hi", () => seen.messages.length === 1);
      expect((await client.open("alice").history()).messages).toHaveLength(1);
      expect(seen.errors.map((e) => e.name)).toEqual(["StoreError"]);
    } finally {
      indexedDB.open = open;
    }
  });
});
