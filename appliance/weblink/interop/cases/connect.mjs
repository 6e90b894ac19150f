// Joining: what a client learns, auth, refusals.

import assert from "node:assert/strict";
import { same } from "../lib/values.mjs";

const refusal = { code: 302, note: "wrong token · 口令错误", more: { list: [1, "two", null] } };

export function addConnects(add, options) {
  add("socket id", async (t) => {
    const s = await t.connected(options);
    assert.match(s.id, /^[\w-]{20}$/);
    assert.equal(s.recovered, false);
    const names = options.transports.map((transport) => (typeof transport === "string" ? transport : "polling"));
    assert.ok(names.includes(s.io.engine.transport.name), s.io.engine.transport.name);
  });

  add("auth payload", async (t) => {
    const auth = { client: t.client, token: "口令 🔑", nested: { list: [1, null, { a: true }] } };
    const s = t.socket(options, { auth });
    const heard = t.once(s, "auth"); // sent right behind CONNECT
    same(await heard, [auth]);
  });

  add("auth by function", async (t) => {
    const s = t.socket(options, { auth: (done) => setImmediate(done, { client: t.client, n: 1 }) });
    same(await t.once(s, "auth"), [{ client: t.client, n: 1 }]);
  });

  add("no auth", async (t) => {
    const s = t.manager(options).socket("/");
    s.onAny((event) => t.fail(new Error(`event ${event}, but nobody sent auth`)));
    s.connect();
    await t.connect(s);
    await t.ask(s, "message-with-ack", 1);
  });

  add("a late answer to CONNECT", async (t) => {
    const s = t.socket(options, { namespace: "/late" });
    const answer = t.ask(s, "message-with-ack", "buffered until then");
    same(await t.once(s, "auth"), [{ client: t.client }]);
    assert.equal(await answer, "buffered until then");
  });

  add("refused with data", async (t) => {
    const s = t.socket(options, { namespace: "/private", auth: { client: t.client, token: "guess" } });
    const [error] = await t.once(s, "connect_error");
    assert.equal(error.message, "not authorized");
    same(error.data, refusal);
    assert.equal(s.active, false, "a refused client must not come back by itself");
    s.auth = { client: t.client, token: "secret" };
    s.connect(); // again, with better credentials
    await t.connect(s);
    assert.equal((await t.ask(s, "journal")).joins, 1);
  });

  add("unknown namespace", async (t) => {
    const s = t.socket(options, { namespace: "/nowhere" });
    const [error] = await t.once(s, "connect_error");
    assert.equal(error.message, "Invalid namespace");
    assert.equal(s.active, false);
  });

  add("refused by a busy server", async (t) => {
    let refused = 0;
    const s = t.socket({ ...options, path: `/busy/${t.client}/` });
    s.on("connect_error", () => {
      refused++;
      assert.equal(s.active, true, "an unreachable server must be tried again");
    });
    await t.connect(s);
    assert.equal(refused, 2);
  });

  add("heartbeats", async (t) => {
    const s = await t.connected({ ...options, path: "/brisk/" });
    s.on("disconnect", (reason) => t.fail(new Error(`disconnected: ${reason}`)));
    await t.take(s.io, "ping", 5);
    await t.ask(s, "message-with-ack", 1);
  });

  add("events before the connection", async (t) => {
    const s = t.socket(options);
    s.volatile.emit("note", 99); // lost: that is what volatile means
    const notes = [1, 2, 3].map((n) => t.ask(s, "note", n)); // kept
    await Promise.all(notes);
    same((await t.ask(s, "journal")).notes, [1, 2, 3]);
  });

  add("headers, query and path without a slash", async (t) => {
    const s = await t.connected({ ...options, addTrailingSlash: false, query: { extra: "ü&=", EIOX: "3" }, extraHeaders: { "X-Extra": "1", Origin: "https://elsewhere.example" } });
    await t.ask(s, "message-with-ack", 1);
  });
}
