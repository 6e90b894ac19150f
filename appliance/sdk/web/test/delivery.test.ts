// Against the fake site of site.ts: what the app sees whatever happens to pushes and connections.

import { afterEach, beforeEach, expect, test } from "vitest";
import { keyOf } from "../src/key";
import { MemoryStore } from "../src/memory";
import { Fleet, until } from "./helpers";
import { Site } from "./site";

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

function numbers(n: number): string[] {
  return Array.from({ length: n }, (_, i) => String(i + 1));
}

test("messages reach both sides in the order of sending", async () => {
  const alice = await fleet.connect("alice");
  const bob = await fleet.connect("bob");
  const chat = alice.client.open("bob");
  for (const text of numbers(20)) {
    chat.send(text);
  }
  await until("20 messages at bob", () => bob.seen.messages.length === 20);
  await until("20 messages at alice", () => alice.seen.messages.length === 20);
  expect(bob.seen.bodies("alice")).toEqual(numbers(20));
  expect(alice.seen.bodies("bob")).toEqual(numbers(20));
  expect(bob.seen.messages[0]).toMatchObject({ peer: "alice", own: false, seq: 1, fromPlatform: "web" });
  expect(alice.seen.messages[0]).toMatchObject({ peer: "bob", own: true, seq: 1 });
  expect(chat.pending()).toEqual([]);
});

test("lost, doubled and reordered pushes leave no trace", async () => {
  const bob = await fleet.connect("bob");
  let held: { event: string; body: Record<string, unknown> }[] = [];
  let n = 0;
  site.mangle = (_to, event, body) => {
    const push = { event, body };
    switch (n++ % 7) {
      case 1: // lost
        return [];
      case 2: // twice
        return [push, push];
      case 3: // later
        held.push(push);
        return [];
      case 5: {
        const now = [push, ...held];
        held = [];
        return now;
      }
      default:
        return [push];
    }
  };
  for (const text of numbers(300)) {
    site.inject("alice", "bob", text);
  }
  await until("300 messages", () => bob.seen.messages.length >= 300);
  expect(bob.seen.bodies("alice")).toEqual(numbers(300));
  expect(bob.seen.mistakes).toEqual([]);
});

test("a gap that closes by itself asks no history", async () => {
  const bob = await fleet.connect("bob");
  let late: Record<string, unknown> | undefined;
  site.mangle = (_to, event, body) => {
    if (!late) {
      late = body;
      return [];
    }
    return [
      { event, body },
      { event, body: late },
    ];
  };
  site.inject("alice", "bob", "1");
  site.inject("alice", "bob", "2");
  await until("both", () => bob.seen.messages.length === 2);
  expect(bob.seen.bodies("alice")).toEqual(["1", "2"]);
  expect(site.requests.filter((r) => r.command === "history")).toEqual([]);
});

test("what was missed while away comes in order, and only once", async () => {
  const store = new MemoryStore();
  const first = await fleet.connect("bob", { store, deviceId: "d" });
  site.inject("alice", "bob", "before");
  await until("the first message", () => first.seen.messages.length === 1);
  await first.client.close();
  for (const text of numbers(250)) {
    site.inject("alice", "bob", text);
  }
  const second = await fleet.connect("bob", { store, deviceId: "d" });
  expect(second.seen.bodies("alice")).toEqual(numbers(250));
  expect(second.seen.mistakes).toEqual([]);
  expect(second.client.conversations()[0]).toMatchObject({ peer: "alice", unread: 251, lastSeq: 251 });
});

test("connections that break all the time lose and double nothing", async () => {
  const bob = await fleet.connect("bob");
  const alice = await fleet.connect("alice");
  const chat = alice.client.open("bob");
  let requests = 0;
  site.intercept = () => (++requests % 9 === 0 ? "cut" : undefined);
  for (const text of numbers(100)) {
    chat.send(text);
    if (Number(text) % 25 === 0) {
      site.cut("bob");
    }
  }
  await until("100 messages", () => bob.seen.messages.length >= 100 && alice.seen.messages.length >= 100);
  expect(bob.seen.bodies("alice")).toEqual(numbers(100));
  expect(alice.seen.bodies("bob")).toEqual(numbers(100));
  expect([...bob.seen.mistakes, ...alice.seen.mistakes]).toEqual([]);
  expect(site.logins).toBeGreaterThan(4);
});

test("a new device starts with the backlog and counts what is older as unread", async () => {
  for (const text of numbers(70)) {
    site.inject("alice", "bob", text);
  }
  const bob = await fleet.connect("bob", { backlog: 5 });
  expect(bob.seen.bodies("alice")).toEqual(["66", "67", "68", "69", "70"]);
  expect(bob.client.conversations()[0]).toMatchObject({ unread: 70 });
  const page = await bob.client.open("alice").history(undefined, 30);
  expect(page.messages.map((m) => m.body)).toEqual(numbers(70).slice(40));
  expect(page.more).toBe(true);
  const older = await bob.client.open("alice").history(page.messages[0]!.seq, 100);
  expect(older.messages.map((m) => m.body)).toEqual(numbers(40));
  expect(older.more).toBe(false);
});

test("a device that has synced gets all of a new conversation", async () => {
  const bob = await fleet.connect("bob", { backlog: 5 });
  site.inject("carol", "bob", "hello");
  await until("carol", () => bob.seen.messages.length === 1);
  site.cut("bob");
  await until("the connection is noticed", () => bob.client.state !== "connected");
  for (const text of numbers(30)) {
    site.inject("alice", "bob", text);
  }
  await until("30 messages", () => bob.seen.bodies("alice").length === 30);
  expect(bob.seen.bodies("alice")).toEqual(numbers(30));
});

test("more conversations than a page of sync", async () => {
  for (let i = 0; i < 230; i++) {
    site.inject(`peer${i}`, "bob", "hi");
  }
  const bob = await fleet.connect("bob");
  expect(bob.client.conversations().length).toBe(230);
  expect(bob.seen.messages.length).toBe(230);
  await until("the version is acknowledged", () => [...site.acked.values()].includes(230));
});

test("history reads this browser first and works offline", async () => {
  const bob = await fleet.connect("bob");
  for (const text of numbers(60)) {
    site.inject("alice", "bob", text);
  }
  await until("60", () => bob.seen.messages.length === 60);
  const before = site.requests.length;
  const page = await bob.client.open("alice").history();
  expect(page.messages.map((m) => m.seq)).toEqual(Array.from({ length: 50 }, (_, i) => i + 11));
  expect(site.requests.length).toBe(before);

  await site.close();
  await until("offline", () => bob.client.state === "waiting");
  const again = await bob.client.open("alice").history(11, 10);
  expect(again.messages.map((m) => m.seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

test("recalls take their turn, change the cache and the list", async () => {
  const bob = await fleet.connect("bob");
  const alice = await fleet.connect("alice");
  alice.client.open("bob").send("secret");
  await until("the message", () => bob.seen.messages.length === 1 && alice.seen.messages.length === 1);
  expect(bob.client.conversations()[0]!.unread).toBe(1);
  await alice.client.open("bob").recall(1, "typo");
  await until("the recall", () => bob.seen.recalls.length === 1 && alice.seen.recalls.length === 1);
  expect(bob.seen.recalls[0]).toMatchObject({ peer: "alice", seq: 1, entry: { seq: 2, body: "typo" } });
  expect(bob.client.conversations()[0]).toMatchObject({ unread: 0, lastMessage: { seq: 1, recalled: true, body: "" } });
  const { messages } = await bob.client.open("alice").history();
  expect(messages[0]).toMatchObject({ seq: 1, recalled: true, body: "", refSeq: 2 });
  await expect(bob.client.open("alice").recall(1)).rejects.toMatchObject({ code: 403 });
});

test("read cursors and receipts", async () => {
  const alice = await fleet.connect("alice");
  const bob = await fleet.connect("bob", { deviceId: "one" });
  const tab = await fleet.connect("bob", { deviceId: "two" });
  const receipts: unknown[] = [];
  alice.client.on("read", (e) => receipts.push(e));
  const cursors: unknown[] = [];
  tab.client.open("alice").on("read", (e) => cursors.push(e));
  alice.client.open("bob").send("1");
  alice.client.open("bob").send("2");
  await until("both", () => bob.seen.messages.length === 2 && tab.seen.messages.length === 2);
  await bob.client.open("alice").markRead();
  expect(bob.client.conversations()[0]).toMatchObject({ unread: 0, readSeq: 2 });
  await until("receipt", () => receipts.length === 1 && cursors.length === 1);
  expect(receipts).toEqual([{ ...keyOf("p2p", "bob"), by: "peer", seq: 2 }]);
  expect(cursors).toEqual([{ ...keyOf("p2p", "alice"), by: "self", seq: 2 }]);
  expect(tab.client.conversations()[0]!.unread).toBe(0);
  expect(alice.client.open("bob").info.peerReadSeq).toBe(2);
});

test("a read cursor moved while offline is told at the next connection", async () => {
  const bob = await fleet.connect("bob", { callTimeoutMs: 200 });
  site.inject("alice", "bob", "1");
  await until("1", () => bob.seen.messages.length === 1);
  site.cut("bob"); // the sync that follows leaves nothing for the next to tell
  await until("synced", () => site.logins === 2 && bob.client.state === "connected");
  site.intercept = (_a, command) => (command === "read" ? "silent" : undefined);
  await expect(bob.client.open("alice").markRead()).rejects.toThrow("no answer");
  site.intercept = undefined;
  site.cut("bob");
  await until("told", () => site.requests.filter((r) => r.command === "read").length === 2);
  expect(bob.client.conversations()[0]!.unread).toBe(0);
});

test("a read cursor that the page could not tell is told by the next", async () => {
  const store = new MemoryStore();
  const first = await fleet.connect("bob", { store, callTimeoutMs: 100 });
  site.inject("alice", "bob", "1");
  await until("1", () => first.seen.messages.length === 1);
  site.intercept = (_a, command) => (command === "read" ? "silent" : undefined);
  await expect(first.client.open("alice").markRead()).rejects.toThrow("no answer");
  await first.client.close();
  site.intercept = undefined;
  await fleet.connect("bob", { store });
  await until("told", () => site.requests.filter((r) => r.command === "read").length === 2);
});

test("what was recalled is gone from the store", async () => {
  const store = new MemoryStore();
  const { client, seen } = await fleet.connect("bob", { store });
  const alice = await fleet.connect("alice");
  alice.client.open("bob").send("secret");
  await until("the message", () => seen.messages.length === 1 && alice.seen.messages.length === 1);
  await alice.client.open("bob").recall(1);
  await until("the recall", () => seen.recalls.length === 1);
  await client.close();
  expect(JSON.stringify([await store.load(), await store.messages("alice", 1, 9)])).not.toContain("secret");
});

test("after close the app hears nothing more, and the next page goes on from there", async () => {
  const store = new MemoryStore();
  for (const text of numbers(20)) {
    site.inject("alice", "bob", text);
  }
  const first = fleet.make("bob", { store });
  first.client.on("message", (m) => {
    if (m.seq === 7) {
      void first.client.close();
    }
  });
  await expect(first.client.connect()).rejects.toThrow("closed");
  await first.client.close();
  expect(first.seen.bodies("alice")).toEqual(numbers(7));
  const second = await fleet.connect("bob", { store });
  expect(second.seen.bodies("alice")).toEqual(numbers(20).slice(7));
});
