// permessage-deflate: agreed on when both sides want it, and worth it.

import assert from "node:assert/strict";
import { payloads, same } from "../lib/values.mjs";
import { upgraded } from "../lib/transports.mjs";

const offers = {
  "offered as by default": { threshold: 1024 },
  "offered for every message": { threshold: 0 },
  "offered without context takeover": { threshold: 0, serverNoContextTakeover: true, clientNoContextTakeover: true },
  "offered with small windows": { threshold: 0, serverMaxWindowBits: 10, clientMaxWindowBits: 10 },
  "not offered": false,
};
const [text] = payloads["300 KB of text"];

export function addDeflate(add) {
  for (const [name, perMessageDeflate] of Object.entries(offers)) {
    for (const transports of [["websocket"], ["polling", "websocket"]]) {
      add(`${transports.join("→")}/deflate/${name}`, async (t) => {
        const { deflate } = await t.desk("GET", "");
        const cable = await t.cable();
        const s = await t.connected({ transports, perMessageDeflate }, { url: cable.url });
        await upgraded(t, s);
        const extension = s.io.engine.transport.ws.extensions;
        const agreed = deflate && perMessageDeflate && !perMessageDeflate.serverMaxWindowBits;
        if (!perMessageDeflate || !deflate) assert.equal(extension, "");
        else if (agreed) assert.equal(extension, "permessage-deflate");

        for (const args of Object.values(payloads)) {
          const back = t.once(s, "message-back");
          s.compress(true).emit("message", ...args);
          same(await back, args);
        }
        const before = await cable.passed();
        const back = t.once(s, "message-back");
        s.emit("message", text);
        same(await back, [text]);
        const after = await cable.passed();
        for (const side of ["toServer", "toClient"]) {
          const cost = after[side] - before[side];
          if (extension) assert.ok(cost < text.length / 10, `${cost} bytes ${side} for ${text.length}`);
          else assert.ok(cost >= text.length, `${cost} bytes ${side} for ${text.length}`);
        }
      });
    }
  }
}
