// Every payload, to the server and back: as events and in acknowledgements.

import assert from "node:assert/strict";
import { payloads, same, bytes } from "../lib/values.mjs";

const namespaces = ["/", "/custom"];

export function addPayloads(add, options, transport) {
  for (const namespace of namespaces) {
    for (const [name, args] of Object.entries(payloads)) {
      add(`${namespace}/${name}`, async (t) => {
        const s = await t.connected(options, { namespace });
        const back = t.once(s, "message-back");
        s.emit("message", ...args);
        same(await back, args, "event");
        same(await answers(t, s, args), args, "answer");
        const question = t.once(s, "question");
        const answered = t.once(s, "answered");
        s.emit("ask", ...small(args));
        const asked = await question;
        const reply = asked.pop();
        same(asked, small(args), "question");
        reply(...small(args));
        same(await answered, small(args), "answer of the client");
      });
    }
    add(`${namespace}/no answer in time`, async (t) => {
      const s = await t.connected(options, { namespace });
      await assert.rejects(s.timeout(30).emitWithAck("silence", 1), /operation has timed out/);
      await t.ask(s, "message-with-ack", "still there");
    });
    add(`${namespace}/many answers at once`, async (t) => {
      const s = await t.connected(options, { namespace });
      const asked = Array.from({ length: 200 }, (_, i) => t.ask(s, "message-with-ack", i));
      same(await Promise.all(asked), Array.from({ length: 200 }, (_, i) => i));
    });
  }
  if (transport === "fetch") return;
  add("binary as base64", async (t) => {
    const s = await t.connected({ ...options, forceBase64: true });
    const args = [{ a: bytes(1000) }, bytes(0), bytes(1), bytes(2)];
    const back = t.once(s, "message-back");
    s.emit("message", ...args);
    same(await back, args);
  });
  add("more than the server takes", async (t) => {
    const s = await t.connected(options);
    const gone = t.once(s, "disconnect");
    s.emit("message", "x".repeat(1_100_000));
    const [reason] = await gone;
    assert.match(reason, /^transport (close|error)$/);
    await t.connect(s); // by itself
    await t.ask(s, "message-with-ack", "still there");
  });
}

/** What is asked and answered: the server asks for no attachments, so none has them. */
function small(args) {
  return JSON.stringify(args).length < 1000 && !args.some(hasBinary) ? args : ["short", 1];
}

function hasBinary(v) {
  if (!v || typeof v !== "object") return false;
  return v instanceof ArrayBuffer || ArrayBuffer.isView(v) || Object.values(v).some(hasBinary);
}

/** All arguments of the answer. emitWithAck gives the first only. */
function answers(t, s, args) {
  return t.within(new Promise((resolve) => s.emit("message-with-ack", ...args, (...got) => resolve(got))), "answer");
}
