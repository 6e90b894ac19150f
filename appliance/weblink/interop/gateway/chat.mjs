// Messages from one client to another.

import assert from "node:assert/strict";
import { account, call, login, send } from "../lib/office.mjs";
import { api } from "../lib/backend.mjs";
import { transports } from "../lib/transports.mjs";
import { same } from "../lib/values.mjs";

const texts = {
  "short text": "hello",
  "emoji and Chinese": "👩‍👩‍👧‍👦 你好，世界 𠜎 ﷽ e\u0301 \u2028 \u001e \u0000 <b>&amp;\"'\\",
  "as long as allowed": "一站".repeat(2_500),
};

export function addChats(add, options, transport) {
  for (const [to, receiving] of Object.entries(transports)) {
    add(`send to ${to}`, async (t) => {
      const [alice, bob] = await Promise.all([account(t), account(t)]);
      const [a, b] = await Promise.all([login(t, options, alice), login(t, receiving, bob)]);
      for (const [i, text] of Object.values(texts).entries()) {
        const got = t.once(b, "message");
        const sent = await send(t, a, bob, text, { ext: text.slice(0, 100) });
        assert.equal(sent.seq, String(i + 1));
        const [{ message }] = await got;
        same(
          [message.from, message.to, message.body, message.ext, message.seq, message.id, message.timeMs, message.fromPlatform],
          [alice.name, bob.name, text, text.slice(0, 100), sent.seq, sent.id, sent.timeMs, "PLATFORM_WEB"],
        );
      }
    });
  }

  add("a hundred messages in order", async (t) => {
    const [alice, bob] = await Promise.all([account(t), account(t)]);
    const [a, b] = await Promise.all([login(t, options, alice), login(t, options, bob)]);
    const got = t.take(b, "message", 100);
    const numbers = Array.from({ length: 100 }, (_, i) => String(i));
    const sent = await Promise.all(numbers.map((n) => send(t, a, bob, n)));
    const seqs = numbers.map((n) => String(Number(n) + 1));
    same(sent.map(({ seq }) => seq), seqs);
    const messages = (await got).map(([{ message }]) => message);
    same(messages.map((m) => [m.body, m.seq]), numbers.map((n, i) => [n, seqs[i]]));
  });

  add("sent again", async (t) => {
    const [alice, bob] = await Promise.all([account(t), account(t)]);
    const [a, b] = await Promise.all([login(t, options, alice), login(t, options, bob)]);
    const got = t.take(b, "message", 2);
    const first = await send(t, a, bob, "once", { clientId: "same" });
    const again = await send(t, a, bob, "once", { clientId: "same" });
    same([again.id, again.seq, again.duplicate], [first.id, first.seq, true]);
    await send(t, a, bob, "then");
    same((await got).map(([{ message }]) => message.body), ["once", "then"]);
  });

  add("without a callback", async (t) => {
    const [alice, bob] = await Promise.all([account(t), account(t)]);
    const [a, b] = await Promise.all([login(t, options, alice), login(t, options, bob)]);
    const got = t.once(b, "message");
    a.emit("send", { to: bob.name, clientId: "1", body: "no answer, please" });
    assert.equal((await got)[0].message.body, "no answer, please");
  });

  add("between devices of one account", async (t) => {
    const [alice, bob] = await Promise.all([account(t), account(t)]);
    const web = await login(t, options, alice);
    const pc = await login(t, options, alice, { auth: { deviceId: "pc", platform: "PLATFORM_PC" } });
    const got = t.once(pc, "message");
    await send(t, web, bob, "from the other device");
    assert.equal((await got)[0].message.body, "from the other device");
  });

  add("custom message by the backend", async (t) => {
    const [alice, bob] = await Promise.all([account(t), account(t)]);
    const b = await login(t, options, bob);
    const got = t.once(b, "message");
    await api(t.url, alice.tenant, "msg/sendMsg", { from: alice.name, ope: 0, to: bob.name, type: 100, body: '{"键":"🎉"}' });
    const [{ message }] = await got;
    same([message.type, message.body, message.fromPlatform], [100, '{"键":"🎉"}', "PLATFORM_REST"]);
  });

  add("read receipts", async (t) => {
    const [alice, bob] = await Promise.all([account(t), account(t)]);
    const [a, b] = await Promise.all([login(t, options, alice), login(t, options, bob)]);
    const { seq } = await send(t, a, bob, "read me");
    const receipt = t.once(a, "read_push");
    await call(t, b, "read", { peer: alice.name, seq });
    const [read] = await receipt;
    same([read.reader, read.peer, read.seq], [bob.name, alice.name, seq]);
  });

  add("profiles", async (t) => {
    const alice = await account(t);
    const s = await login(t, options, alice);
    await call(t, s, "update_profile", { name: "爱丽丝 🐇", gender: 2 });
    const { profiles } = await call(t, s, "profiles", { accounts: [alice.name] });
    same([profiles[0].name, profiles[0].gender], ["爱丽丝 🐇", 2]);
  });
}
