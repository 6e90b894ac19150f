// Networks that fail: the client comes back by itself and goes on.

import assert from "node:assert/strict";
import { served, settled } from "../lib/transports.mjs";
import { same } from "../lib/values.mjs";

export function addReconnects(add, options) {
  for (const how of ["cut", "reset"]) {
    add(`reconnects after a ${how}`, async (t) => {
      const cable = await t.cable();
      const s = t.socket(options, { url: cable.url });
      await t.connect(s);
      await settled(t, s);
      await t.ask(s, "note", 1);
      const { id } = s;
      const gone = t.once(s, "disconnect");
      await cable.down(); // XMLHttpRequest for Node repeats a poll that fails: this one must fail, too
      await cable[how]();
      assert.match((await gone)[0], /^transport (close|error)$/);
      assert.equal(s.active, true);
      s.emit("note", 2); // kept until the client is back
      const third = t.ask(s, "note", 3);
      await cable.up();
      await third;
      assert.notEqual(s.id, id);
      const { joins, notes } = await t.ask(s, "journal");
      same({ joins, notes }, { joins: 2, notes: [1, 2, 3] });
    });

    add(`goes on after a short ${how}`, async (t) => {
      const cable = await t.cable();
      const s = t.socket(options, { url: cable.url });
      await t.connect(s);
      await settled(t, s);
      await cable[how]();
      await served(t, s); // soon, whether it has noticed or not
    });
  }

  add("reconnects when the server is away for a while", async (t) => {
    const cable = await t.cable();
    const s = t.socket(options, { url: cable.url });
    await t.connect(s);
    await settled(t, s);
    const failures = t.take(s.io, "reconnect_error", 2);
    await cable.down();
    await cable.cut();
    await failures;
    s.emit("note", 1);
    await cable.up();
    await t.connect(s);
    await settled(t, s);
    same((await t.ask(s, "journal")).notes, [1]);
  });

  add("sends again what was not acknowledged", async (t) => {
    const cable = await t.cable();
    const s = t.socket(options, { url: cable.url });
    s._opts.retries = 10; // as in io(url, { retries, ackTimeout })
    s._opts.ackTimeout = 5_000;
    await t.connect(s);
    await settled(t, s);
    const sent = [1, 2, 3, 4, 5].map((n) => t.within(new Promise((resolve, reject) => s.emit("note", n, (error) => (error ? reject(error) : resolve())))));
    await cable.cut();
    await Promise.all(sent);
    // At least once and in order: those that the server had before the cut may be there twice.
    const { notes } = await t.ask(s, "journal");
    same(notes.filter((n, i) => n !== notes[i - 1]), [1, 2, 3, 4, 5]);
  });

  add("finds out that the network is dead", async (t) => {
    const cable = await t.cable();
    const s = t.socket({ ...options, path: "/strict/" }, { url: cable.url });
    await t.connect(s);
    const gone = t.once(s, "disconnect");
    await cable.freeze();
    same((await gone).slice(0, 1), ["ping timeout"]);
    await cable.thaw();
    await served(t, s);
  });
}
