// Missing nothing: sync, history, recall, and networks that fail.

import assert from "node:assert/strict";
import { account, call, login, send } from "../lib/office.mjs";
import { settled } from "../lib/transports.mjs";
import { same } from "../lib/values.mjs";

const recallType = 1000;

/** What a client does after each login: all messages of conversations that have changed. */
async function catchUp(t, s, version = "0") {
  const messages = [];
  for (let page = { more: true }; page.more; ) {
    page = await call(t, s, "sync", { version });
    version = page.version ?? version;
    for (const { peer } of page.conversations ?? []) messages.push(...((await call(t, s, "history", { peer })).messages ?? []));
  }
  return { messages, version };
}

export function addHistory(add, options) {
  add("messages of an absence", async (t) => {
    const [alice, bob, carol] = await Promise.all([account(t), account(t), account(t)]);
    const [a, c] = await Promise.all([login(t, options, alice), login(t, options, carol)]);
    const bodies = Array.from({ length: 5 }, (_, i) => `🎉 第${i}条`);
    for (const body of bodies) await send(t, a, bob, body);
    await send(t, c, bob, "from carol");
    const b = await login(t, options, bob);
    const { messages, version } = await catchUp(t, b);
    same(messages.filter((m) => m.from === alice.name).map((m) => m.body), bodies);
    same(messages.filter((m) => m.from === carol.name).map((m) => m.body), ["from carol"]);
    await call(t, b, "ack", { version });
    same((await catchUp(t, b, version)).messages, []);

    const { messages: part } = await call(t, b, "history", { peer: alice.name, fromSeq: "2", toSeq: 3 }); // strings and numbers
    same(part.map((m) => m.seq), ["2", "3"]);
    const { messages: newest, more } = await call(t, b, "history", { peer: alice.name, limit: 2, reverse: true });
    same([newest.map((m) => m.seq), more], [["5", "4"], true]);
  });

  add("messages of a broken network", async (t) => {
    const [alice, bob] = await Promise.all([account(t), account(t)]);
    const cable = await t.cable();
    const a = await login(t, options, alice);
    const b = await login(t, options, bob, { url: cable.url });
    await settled(t, b);
    await send(t, a, bob, "before");
    const gone = t.once(b, "disconnect");
    await cable.down();
    await cable.cut();
    await gone;
    await send(t, a, bob, "meanwhile");
    const again = t.once(b, "login");
    await cable.up();
    const [me] = await again;
    assert.notEqual(me.sessionId, b.me.sessionId);
    const { messages } = await catchUp(t, b);
    same(messages.map((m) => m.body), ["before", "meanwhile"]);
    const got = t.once(b, "message");
    await send(t, a, bob, "after");
    assert.equal((await got)[0].message.body, "after");
  });

  add("recall", async (t) => {
    const [alice, bob] = await Promise.all([account(t), account(t)]);
    const [a, b] = await Promise.all([login(t, options, alice), login(t, options, bob)]);
    const got = t.take(b, "message", 2);
    const { seq } = await send(t, a, bob, "a slip");
    const recall = await call(t, a, "recall", { peer: bob.name, seq, note: "撤回" });
    const [, [{ message }]] = await got;
    same([message.type, message.refSeq, message.seq], [recallType, seq, recall.seq]);
    const { messages } = await call(t, b, "history", { peer: alice.name });
    same([messages[0].recalled, messages[0].body, messages[0].refSeq], [true, undefined, recall.seq]);
    await call(t, b, "recall", { peer: alice.name, seq }, 403); // not his
  });
}
