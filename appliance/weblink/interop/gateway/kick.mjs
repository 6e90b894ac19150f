// Sessions that the server ends: clients do not come back by themselves.

import assert from "node:assert/strict";
import { account, call, credentials, login } from "../lib/office.mjs";
import { api } from "../lib/backend.mjs";
import { same } from "../lib/values.mjs";

/** Waits for the end of a session that is kicked, and checks what the client sees. */
function kicked(t, s) {
  const push = t.once(s, "kicked");
  const gone = t.once(s, "disconnect");
  s.io.on("reconnect_attempt", () => t.fail(new Error("a kicked client reconnects by itself")));
  return async () => {
    const [{ reason, byPlatform, byDevice }] = await push;
    assert.equal((await gone)[0], "io server disconnect");
    assert.equal(s.active, false);
    assert.equal(s.told.at(-1)[0], "kicked", "nothing may follow");
    return [reason, byPlatform, byDevice];
  };
}

export function addKicks(add, options) {
  add("kicked by another device of the same platform", async (t) => {
    const alice = await account(t);
    const old = await login(t, options, alice);
    const wait = kicked(t, old);
    const young = await login(t, options, alice, { auth: { deviceId: "new device" } });
    same(await wait(), ["KICK_REASON_REPLACED", "PLATFORM_WEB", "new device"]);
    const back = kicked(t, young);
    old.connect(); // the user wants it
    await t.once(old, "login");
    same(await back(), ["KICK_REASON_REPLACED", "PLATFORM_WEB", `device of ${alice.name}`]);
  });

  add("kicked by the only device that may be", async (t) => {
    const alice = await account(t, { policy: "single" });
    const wait = kicked(t, await login(t, options, alice));
    await login(t, options, alice, { auth: { deviceId: "phone", platform: "PLATFORM_ANDROID" } });
    same(await wait(), ["KICK_REASON_REPLACED", "PLATFORM_ANDROID", "phone"]);
  });

  add("kicked by the user", async (t) => {
    const alice = await account(t);
    const web = await login(t, options, alice);
    const wait = kicked(t, web);
    const pc = await login(t, options, alice, { auth: { deviceId: "pc", platform: "PLATFORM_PC" } });
    await call(t, pc, "kick", { sessionIds: [web.me.sessionId] });
    same(await wait(), ["KICK_REASON_OTHER_DEVICE", "PLATFORM_PC", "pc"]);
  });

  add("kicked by a new token", async (t) => {
    const alice = await account(t);
    const s = await login(t, options, alice);
    const wait = kicked(t, s);
    const { info } = await api(t.url, alice.tenant, "user/refreshToken", { accid: alice.name });
    assert.equal((await wait())[0], "KICK_REASON_CREDENTIALS");
    s.connect();
    const [error] = await t.once(s, "connect_error");
    assert.equal(error.data.code, 302);
    s.auth = credentials({ ...alice, token: info.token });
    s.connect();
    await t.once(s, "login");
  });
}
