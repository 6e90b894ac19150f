// Against the fake site of site.ts: what becomes of messages that are sent.

import { afterEach, beforeEach, expect, test } from "vitest";
import { keyOf } from "../src/key";
import { MemoryStore } from "../src/memory";
import { emptyBatch } from "../src/store";
import type { Outgoing } from "../src/types";
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

test("a message is sending, then sent, then in the conversation", async () => {
  const { client, seen } = await fleet.connect("alice");
  const chat = client.open("bob");
  const states: Outgoing[] = [];
  chat.on("outgoing", (o) => states.push(o));
  const out = chat.send({ type: 100, body: "{}", ext: "mine" });
  expect(out).toMatchObject({ state: "sending", peer: "bob", type: 100, body: "{}", ext: "mine" });
  expect(chat.pending()).toEqual([out]);
  await until("in the conversation", () => seen.messages.length === 1);
  expect(states.map((o) => o.state)).toEqual(["sending", "sent"]);
  expect(states[1]).toMatchObject({ clientId: out.clientId, seq: 1 });
  expect(seen.messages[0]).toMatchObject({ clientId: out.clientId, type: 100, body: "{}", ext: "mine", seq: 1 });
  expect(chat.pending()).toEqual([]);
});

test("an answer that is lost does not send the message twice", async () => {
  const { client, seen } = await fleet.connect("alice");
  let cuts = 0;
  site.intercept = (_a, command) => (command === "send" && cuts++ < 3 ? "cut" : undefined);
  client.open("bob").send("once");
  client.open("bob").send("then");
  await until("both", () => seen.messages.length === 2);
  expect(site.log("alice", "bob").map((e) => e.body)).toEqual(["once", "then"]);
  expect(seen.bodies("bob")).toEqual(["once", "then"]);
  expect(seen.mistakes).toEqual([]);
  expect(client.open("bob").pending()).toEqual([]);
});

test("a refused message fails; the next one is sent; retry and discard", async () => {
  const { client, seen } = await fleet.connect("alice");
  const chat = client.open("bob");
  let refuse = true;
  site.intercept = (_a, command, body) =>
    refuse && command === "send" && body.body === "bad" ? { code: 7101, body: { note: "blacklisted" } } : undefined;
  const bad = chat.send("bad");
  const worse = chat.send("bad");
  chat.send("good");
  await until("good", () => seen.messages.length === 1);
  expect(seen.messages[0]!.body).toBe("good");
  expect(chat.pending().map((o) => o.state)).toEqual(["failed", "failed"]);
  expect(chat.pending()[0]!.error).toMatchObject({ code: 7101, note: "blacklisted" });
  chat.discard(worse.clientId);
  refuse = false;
  chat.retry(bad.clientId);
  await until("sent at last", () => seen.messages.length === 2);
  expect(chat.pending()).toEqual([]);
  expect(site.log("alice", "bob").length).toBe(2);
});

test("messages of one conversation keep their order although the site is busy now and then", async () => {
  const { client, seen } = await fleet.connect("alice");
  let n = 0;
  site.intercept = (_a, command) =>
    command === "send" && n++ % 3 === 1 ? { code: 503, body: { retryAfterMs: 10 } } : undefined;
  const texts = ["1", "2", "3", "4"];
  for (const text of texts) {
    client.open("bob").send(text);
  }
  await until("all", () => seen.messages.length === texts.length);
  expect(seen.bodies("bob")).toEqual(texts);
});

test("what was not sent before the page went is sent by the next", async () => {
  const store = new MemoryStore();
  const first = fleet.make("alice", { store });
  await first.client.load();
  const out = first.client.open("bob").send("written offline");
  await first.client.close();
  expect((await store.load()).outbox).toMatchObject([{ clientId: out.clientId, content: { body: "written offline" } }]);

  const second = fleet.make("alice", { store });
  await second.client.load();
  expect(second.client.open("bob").pending()).toMatchObject([{ clientId: out.clientId, state: "sending" }]);
  await second.client.connect();
  await until("sent", () => second.seen.messages.length === 1);
  expect(second.seen.messages[0]).toMatchObject({ clientId: out.clientId, body: "written offline" });
  await second.client.close();
  expect((await store.load()).outbox).toEqual([]);
});

test("accepted before the page went, but not known: the message comes once", async () => {
  const store = new MemoryStore();
  const first = await fleet.connect("alice", { store });
  site.intercept = (_a, command) => (command === "send" ? "cut" : undefined);
  first.client.open("bob").send("unsure");
  await until("at the site", () => site.log("alice", "bob").length === 1);
  await first.client.close();
  site.intercept = undefined;
  const second = await fleet.connect("alice", { store });
  await until("settled", () => second.client.open("bob").pending().length === 0);
  expect(second.seen.bodies("bob")).toEqual(["unsure"]);
  expect(site.log("alice", "bob").length).toBe(1);
});

test("a message from a week ago is not sent without being asked", async () => {
  const store = new MemoryStore();
  const createdMs = Date.now() - 7 * 86400_000;
  const old = { ...keyOf("p2p", "bob"), clientId: "old", content: { body: "late" }, createdMs };
  await store.write({ ...emptyBatch(), outbox: [old] });
  const { client } = await fleet.connect("alice", { store });
  expect(client.open("bob").pending()).toMatchObject([{ state: "failed", error: { note: /too old/ } }]);
  client.open("bob").retry("old");
  await until("sent", () => site.log("alice", "bob").length === 1);
});

test("a message from another tab's outbox is settled by its push", async () => {
  const store = new MemoryStore();
  const tabs = [await fleet.connect("alice", { store, deviceId: "1" }), fleet.make("alice", { store, deviceId: "2" })];
  site.intercept = (_a, command) => (command === "send" ? { code: 503, body: { retryAfterMs: 300 } } : undefined);
  tabs[0]!.client.open("bob").send("both try");
  await until("stored", async () => (await store.load()).outbox.length === 1);
  await tabs[1]!.client.connect();
  site.intercept = undefined;
  for (const { client, seen } of tabs) {
    await until("settled", () => client.open("bob").pending().length === 0 && seen.messages.length === 1);
    expect(seen.bodies("bob")).toEqual(["both try"]);
  }
  expect(site.log("alice", "bob").length).toBe(1);
});

test("text that is none is refused at once", async () => {
  const { client } = await fleet.connect("alice");
  expect(() => client.open("bob").send({ body: 5 as unknown as string })).toThrow("body must be a string");
  expect(() => client.open("not an account")).toThrow("an account is");
});

test("what was accepted before is shown as it is now", async () => {
  const { client, seen } = await fleet.connect("alice");
  site.mangle = () => [];
  site.intercept = (_a, command) => {
    if (command !== "send") {
      return undefined;
    }
    const { seq } = site.inject("alice", "bob", "as it is now");
    return { code: 200, body: { seq: String(seq), duplicate: true } };
  };
  client.open("bob").send("as it was");
  await until("shown", () => seen.messages.length === 1);
  expect(seen.bodies("bob")).toEqual(["as it is now"]);
});
