// A node that stops: clients come back to the next.

import assert from "node:assert/strict";
import { account, call, login, send } from "../lib/office.mjs";

/** An address with a gateway of its own. */
async function gateway(t) {
  const { id, path } = await t.desk("POST", "/gateway");
  return { path, replace: (action) => t.desk("POST", `/gateway/${id}/${action}`) };
}

export function addStops(add, options, transport) {
  add("go_away", async (t) => {
    const { path, replace } = await gateway(t);
    const [alice, bob] = await Promise.all([account(t), account(t)]);
    const [a, b] = await Promise.all([login(t, { ...options, path }, alice), login(t, options, bob)]);
    const told = t.once(a, "go_away");
    const again = t.once(a, "login");
    const replaced = replace("drain");
    const [{ note, delayMs = 0 }] = await told;
    assert.ok(note);
    await call(t, a, "sync"); // it is served until it goes
    setTimeout(() => a.disconnect().connect(), delayMs);
    await Promise.all([again, replaced]);
    const got = t.once(a, "message");
    await send(t, b, alice, "welcome back");
    assert.equal((await got)[0].message.body, "welcome back");
  });

  add("close", async (t) => {
    const { path, replace } = await gateway(t);
    const s = await login(t, { ...options, path }, await account(t));
    const close = t.once(s, "close");
    const gone = t.once(s, "disconnect");
    const again = t.once(s, "login"); // by itself
    await replace("stop");
    const [{ code, note }] = await close;
    assert.equal(code, 503);
    assert.ok(note);
    assert.match((await gone)[0], /^transport (close|error)$/);
    const [me] = await again;
    assert.notEqual(me.sessionId, s.me.sessionId);
    await call(t, s, "sync");
  });

  if (transport !== "websocket") return;
  add("who does not heed go_away is closed", async (t) => {
    const { path, replace } = await gateway(t);
    const s = await login(t, { ...options, path }, await account(t));
    const gone = t.once(s, "disconnect");
    const again = t.once(s, "login");
    await replace("drain");
    assert.equal((await gone)[0], "transport close");
    await again;
  });
}
