// A thousand messages each way, while a connection that may changes from polling
// to WebSocket.

import assert from "node:assert/strict";
import { upgraded } from "../lib/transports.mjs";
import { same } from "../lib/values.mjs";

const count = 1000;
const early = 500; // of them, at most, before the change

export function addOrder(add, options, transport) {
  add("order of a thousand messages", async (t) => {
    const s = await t.connected(options);
    const back = t.take(s, "message-back", count);
    const answers = [];
    let next = 0;
    const emit = (n) => {
      for (; n > 0 && next < count; n--, next++) {
        s.emit("message", next);
        if (next % 50 === 0) answers.push(t.ask(s, "message-with-ack", next));
      }
    };
    let changed = transport !== "upgrade";
    if (!changed) upgraded(t, s).then(() => (changed = true), t.fail);
    while (next < early) {
      emit(10);
      await new Promise(setImmediate);
    }
    await t.until("the connection has changed to WebSocket", () => changed);
    emit(count);
    const numbers = Array.from({ length: count }, (_, i) => i);
    same(await back, numbers.map((i) => [i]));
    same(await Promise.all(answers), numbers.filter((i) => i % 50 === 0));
    assert.equal(s.io.engine.transport.name, transport === "upgrade" || transport === "websocket" ? "websocket" : "polling");
  });

  add("order of texts and binaries", async (t) => {
    const s = await t.connected(options);
    const back = t.take(s, "message-back", 60);
    const sent = [];
    for (let i = 0; i < 60; i++) {
      sent.push(i % 3 ? [i, "x".repeat((i * 997) % 5000)] : [i, Buffer.alloc((i * 131) % 3000, i), Buffer.from([i])]);
      s.emit("message", ...sent.at(-1));
      if (i % 7 === 0) await new Promise(setImmediate);
    }
    same(await back, sent);
  });
}
