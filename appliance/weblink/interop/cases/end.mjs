// Leaving on purpose: nobody comes back by itself.

import assert from "node:assert/strict";
import { same } from "../lib/values.mjs";

export function addEnds(add, options) {
  for (const [event, what] of [["leave", "the server ends a namespace"], ["leave-all", "the server ends the session"]]) {
    add(what, async (t) => {
      const s = await t.connected(options);
      s.io.on("reconnect_attempt", () => t.fail(new Error("the client reconnects by itself")));
      const gone = t.once(s, "disconnect");
      s.emit(event);
      same((await gone).slice(0, 1), ["io server disconnect"]);
      assert.equal(s.active, false);
      s.connect(); // by the application's wish it may
      await t.connect(s);
      assert.equal((await t.ask(s, "journal")).joins, 2);
    });
  }

  add("the server ends one namespace of two", async (t) => {
    const m = t.manager(options);
    const [main, custom] = ["/", "/custom"].map((n) => m.socket(n, { auth: { client: t.client + n } }).connect());
    await Promise.all([t.connect(main), t.connect(custom)]);
    const gone = t.once(custom, "disconnect");
    custom.emit("leave");
    same((await gone).slice(0, 1), ["io server disconnect"]);
    assert.equal(await t.ask(main, "message-with-ack", 1), 1);
    same((await t.ask(main, "journal")).ends, []);
  });

  add("the client leaves", async (t) => {
    const s = await t.connected(options);
    s.emit("note", 1);
    s.disconnect();
    const witness = await t.connected(options);
    const { notes, ends } = await t.until("the server knows", async () => {
      const journal = await t.ask(witness, "journal");
      return journal.ends.length > 0 && journal;
    });
    same({ notes, ends }, { notes: [1], ends: ["client"] });
  });
}
