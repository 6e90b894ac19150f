// Requests that are refused: a clear code, and the connection stays.

import assert from "node:assert/strict";
import { account, call, login, send } from "../lib/office.mjs";
import { bytes } from "../lib/values.mjs";

export function addErrors(add, options) {
  for (const [what, event, argument, code] of [
    ["a text that is too long", "send", { to: "bob", clientId: "1", body: "x".repeat(5_001) }, 414],
    ["300 KB of text", "send", { to: "bob", clientId: "1", body: "x".repeat(300_000) }, 414],
    ["300 KB of Chinese", "send", { to: "bob", clientId: "1", body: "长".repeat(100_000) }, 414],
    ["300 KB of emoji", "send", { to: "bob", clientId: "1", body: "🎉".repeat(75_000) }, 414],
    ["half of a surrogate pair", "send", { to: "bob", clientId: "1", body: "\ud83d" }, 414],
    ["an empty text", "send", { to: "bob", clientId: "1", body: "" }, 414],
    ["an unknown receiver", "send", { to: "no-such-account", clientId: "1", body: "?" }, 404],
    ["binary", "send", { to: "bob", clientId: "1", body: bytes(1000) }, 414],
    ["300 KB of binary", "send", bytes(300_000), 414],
    ["a text for an object", "send", "hello", 414],
    ["a list", "sync", [1], 414],
    ["an event that is no request", "dance", {}, 509],
    ["a login on a connection that has one", "login", {}, 417],
    ["a room without being in it", "send_room", { room: "lobby", body: "?" }, 403],
  ]) {
    add(`refused: ${what}`, async (t) => {
      const s = await login(t, options, await account(t));
      s.on("disconnect", (reason) => t.fail(new Error(`disconnected: ${reason}`)));
      const { note } = await call(t, s, event, argument, code);
      assert.ok(note.length > 5, `the note is ${JSON.stringify(note)}`);
      await call(t, s, "sync"); // still there
    });
  }

  add("refused: too many arguments", async (t) => {
    const s = await login(t, options, await account(t));
    assert.equal((await t.ask(s, "sync", {}, {})).code, 414);
    await call(t, s, "sync");
  });

  add("refused: a flood", async (t) => {
    const s = await login(t, options, await account(t));
    const answers = await Promise.all(Array.from({ length: 400 }, () => t.ask(s, "exit_room", { room: "lobby" })));
    const codes = new Map();
    for (const { code } of answers) codes.set(code, (codes.get(code) ?? 0) + 1);
    const late = answers.find(({ code }) => code === 416);
    assert.ok(codes.get(200) >= 200, `${[...codes]}`); // the burst that tenants allow
    assert.ok(late, `nothing of 400 requests was refused: ${[...codes]}`);
    assert.equal(codes.size, 2, `${[...codes]}`);
    assert.ok(late.body.retryAfterMs > 0);
    await t.until("it may ask again", async () => (await t.ask(s, "exit_room", { room: "lobby" })).code === 200);
  });

  add("more than a packet may be", async (t) => {
    const [alice, bob] = await Promise.all([account(t), account(t)]);
    const s = await login(t, options, alice);
    const gone = t.once(s, "disconnect");
    s.emit("send", { to: bob.name, clientId: "1", body: "x".repeat(1_100_000) });
    assert.match((await gone)[0], /^transport (close|error)$/);
    await t.once(s, "login"); // by itself
    await send(t, s, bob, "back again");
  });
}
