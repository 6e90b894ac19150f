// Changing from polling to WebSocket, and networks that do not let it.

import assert from "node:assert/strict";
import { served, upgraded } from "../lib/transports.mjs";
import { bytes, same } from "../lib/values.mjs";

const both = { transports: ["polling", "websocket"] };

export function addUpgrades(add) {
  add("upgrade/keeps the session", async (t) => {
    const s = await t.connected(both);
    const { id } = s.io.engine;
    s.on("disconnect", (reason) => t.fail(new Error(`disconnected: ${reason}`)));
    await upgraded(t, s);
    assert.equal(s.io.engine.id, id);
    await t.ask(s, "message-with-ack", 1);
    assert.equal((await t.ask(s, "journal")).joins, 1);
  });

  add("upgrade/large messages under way", async (t) => {
    const s = t.socket(both);
    const back = t.take(s, "message-back", 6);
    const sent = Array.from({ length: 6 }, (_, i) => [i, i % 2 ? bytes(200_000) : "é".repeat(100_000)]);
    for (const args of sent) s.emit("message", ...args);
    same(await back, sent);
    await upgraded(t, s);
  });

  add("upgrade/WebSocket is refused", async (t) => {
    const s = t.socket({ ...both, path: "/no-websocket/" });
    s.on("disconnect", (reason) => t.fail(new Error(`disconnected: ${reason}`)));
    const refused = fromEngine(t, s, "upgradeError");
    await t.connect(s);
    await refused;
    for (let i = 0; i < 20; i++) assert.equal(await t.ask(s, "message-with-ack", i), i);
    assert.equal(s.io.engine.transport.name, "polling");
  });

  add("upgrade/WebSocket gets lost", async (t) => {
    const s = t.socket({ ...both, path: "/stuck-websocket/" });
    s.on("disconnect", (reason) => t.fail(new Error(`disconnected: ${reason}`)));
    await t.connect(s);
    for (let i = 0; i < 20; i++) assert.equal(await t.ask(s, "message-with-ack", i), i);
    assert.equal(s.io.engine.transport.name, "polling");
  });

  add("upgrade/falls back from WebSocket to polling", async (t) => {
    const s = await t.connected({ transports: ["websocket", "polling"], tryAllTransports: true, path: "/no-websocket/" });
    assert.equal(s.io.engine.transport.name, "polling");
    await t.ask(s, "message-with-ack", 1);
  });

  add("upgrade/cut while it is under way", async (t) => {
    const cable = await t.cable();
    // The stock client may forget to poll then, until it misses the server's heartbeat: a quick one here.
    const s = t.socket({ ...both, path: "/strict/" }, { url: cable.url });
    await fromEngine(t, s, "upgrading");
    await cable.cut();
    await served(t, s);
  });

  add("upgrade/leaving before it is complete", async (t) => {
    const s = t.socket(both);
    await t.connect(s);
    s.emit("note", 1);
    s.disconnect(); // the client completes the upgrade first
    const witness = await t.connected(both);
    const journal = await t.until("the server knows", async () => {
      const j = await t.ask(witness, "journal");
      return j.ends.length > 0 && j;
    });
    same([journal.notes, journal.ends], [[1], ["client"]]);
  });

  add("upgrade/fifty clients at once", async (t) => {
    const all = Array.from({ length: 50 }, () => t.socket(both));
    await Promise.all(all.map(async (s, i) => {
      assert.equal(await t.ask(s, "message-with-ack", i), i);
      await upgraded(t, s);
      assert.equal(await t.ask(s, "message-with-ack", i + 1), i + 1);
    }));
  });
}

/** Waits for the first event of this name that comes from the connection below, which is made anew each time. */
function fromEngine(t, socket, event) {
  return t.within(new Promise((resolve) => socket.io.on("open", () => socket.io.engine.once(event, resolve))), `"${event}"`);
}
