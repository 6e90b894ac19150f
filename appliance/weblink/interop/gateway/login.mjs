// Logging in: what a client learns, and how it is refused.

import assert from "node:assert/strict";
import { account, call, credentials, device, login } from "../lib/office.mjs";

export function addLogins(add, options) {
  add("login", async (t) => {
    const alice = await account(t);
    const s = await login(t, options, alice);
    assert.equal(s.told[0][0], "login", "login must be the first event");
    const { me } = s;
    assert.match(me.sessionId, /^\d+$/); // 64 bits: a string
    assert.match(me.serverTimeMs, /^\d{13}$/);
    assert.equal(me.maxBodyBytes, 20_000);
    assert.equal(me.others, undefined);
    const other = await login(t, options, alice, { auth: { deviceId: "phone", platform: "PLATFORM_IOS", sdkVersion: "1.0", customTag: "标签" } });
    assert.equal(other.me.others.length, 1);
    assert.equal(other.me.others[0].sessionId, me.sessionId);
    assert.equal(other.me.others[0].platform, "PLATFORM_WEB");
  });

  add("requests before the login are kept", async (t) => {
    const s = device(t, options, await account(t)); // not connected yet
    const { code } = await t.ask(s, "sync", {});
    assert.equal(code, 200);
    assert.equal(s.told[0][0], "login");
  });

  for (const [what, change, message, code] of [
    ["wrong token", { token: "guess" }, "wrong_token", 302],
    ["unknown account", { account: "nobody" }, "wrong_token", 302],
    ["unknown appkey", { appKey: "elsewhere" }, "wrong_token", 302],
    ["no account", { account: "" }, "bad_parameter", 414],
    ["a number for a text", { deviceId: 7 }, "bad_parameter", 414],
    ["far too long", { customTag: "x".repeat(10_000) }, "bad_parameter", 414],
  ]) {
    add(`login refused: ${what}`, async (t) => {
      const who = await account(t);
      const s = device(t, options, who, { auth: change });
      const [error] = await t.once(s, "connect_error");
      assert.equal(error.message, message);
      assert.equal(error.data.code, code);
      assert.ok(error.data.note.length > 5);
      assert.ok(!JSON.stringify(error.data).includes("guess"), "a token must not be repeated");
      assert.equal(s.active, false, "a refused client must not come back by itself");
      s.auth = credentials(who);
      s.connect();
      await t.once(s, "login");
    });
  }

  add("login refused: no auth", async (t) => {
    const s = t.manager(options).socket("/").connect();
    const [error] = await t.once(s, "connect_error");
    assert.equal(error.data.code, 414);
  });

  add("other namespaces", async (t) => {
    const s = t.socket(options, { namespace: "/admin", auth: credentials(await account(t)) });
    const [error] = await t.once(s, "connect_error");
    assert.equal(error.message, "Invalid namespace");
  });

  add("logout", async (t) => {
    const s = await login(t, options, await account(t));
    const gone = t.once(s, "disconnect");
    await call(t, s, "logout");
    assert.equal((await gone)[0], "io server disconnect");
    assert.equal(s.active, false);
  });
}
