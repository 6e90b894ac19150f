// Several namespaces over one connection.

import assert from "node:assert/strict";
import { same } from "../lib/values.mjs";

export function addNamespaces(add, options) {
  add("namespaces share a connection", async (t) => {
    const m = t.manager(options);
    const auth = { client: t.client };
    const [main, custom, nowhere, guarded] = ["/", "/custom", "/nowhere", "/private"].map((n) => m.socket(n, { auth }));
    const refused = Promise.all([t.once(nowhere, "connect_error"), t.once(guarded, "connect_error")]);
    for (const s of [main, custom, nowhere, guarded]) s.connect();
    await Promise.all([t.connect(main), t.connect(custom)]);
    same((await refused).map(([error]) => error.message), ["Invalid namespace", "not authorized"]);
    assert.notEqual(main.id, custom.id);

    // Interleaved: each gets its own, in order.
    const n = 100;
    const toMain = t.take(main, "message-back", n);
    const toCustom = t.take(custom, "message-back", n);
    const answers = [];
    for (let i = 0; i < n; i++) {
      main.emit("message", "main", i);
      custom.emit("message", "custom", i);
      if (i % 10 === 0) answers.push(t.ask(main, "message-with-ack", i), t.ask(custom, "message-with-ack", -i));
    }
    const numbers = Array.from({ length: n }, (_, i) => i);
    same(await toMain, numbers.map((i) => ["main", i]));
    same(await toCustom, numbers.map((i) => ["custom", i]));
    same(await Promise.all(answers), numbers.filter((i) => i % 10 === 0).flatMap((i) => [i, -i]));
  });

  add("leaving one namespace of two", async (t) => {
    const m = t.manager(options);
    const main = m.socket("/", { auth: { client: t.client } });
    const custom = m.socket("/custom", { auth: { client: `${t.client}-custom` } });
    custom.connect(); // first: the connection is older than the namespace that stays
    main.connect();
    await Promise.all([t.connect(main), t.connect(custom)]);
    const before = m.engine.id;
    const left = t.once(custom, "disconnect");
    custom.disconnect();
    same((await left).slice(0, 1), ["io client disconnect"]);
    assert.equal(await t.ask(main, "message-with-ack", "still there"), "still there");
    custom.connect();
    await t.connect(custom);
    const { joins, ends } = await t.ask(custom, "journal");
    same({ joins, ends }, { joins: 2, ends: ["client"] });
    assert.equal(m.engine.id, before, "the connection was not to be changed");
  });
}
