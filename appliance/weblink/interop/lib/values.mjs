// Arguments of events, and how to compare them.

import assert from "node:assert/strict";

/** n bytes that repeat nowhere soon, with every byte value. */
export function bytes(n) {
  const b = new Uint8Array(n);
  for (let i = 0, x = 1; i < n; i++) {
    x = (Math.imul(x, 1664525) + 1013904223) | 0;
    b[i] = x >>> 24;
  }
  return b;
}

/** Binary values, of whatever type, as text: which type a client gets depends on its transport. */
function plain(value) {
  if (value instanceof ArrayBuffer) return { base64: Buffer.from(value).toString("base64") };
  if (ArrayBuffer.isView(value)) return { base64: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64") };
  if (Array.isArray(value)) return value.map(plain);
  if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, plain(v)]));
  return value;
}

/** Checks that arguments came back as they were sent. */
export function same(got, want, what = "arguments") {
  const a = JSON.stringify(plain(got)); // short messages: a diff of 300 KB helps nobody
  const b = JSON.stringify(plain(want));
  if (a === b) return;
  let at = 0;
  while (a?.[at] === b?.[at]) at++;
  assert.fail(`${what} differ at ${at}: got …${a?.slice(at, at + 60)}… (${a?.length}), want …${b?.slice(at, at + 60)}… (${b?.length})`);
}

function nested(depth) {
  let v = "bottom";
  for (let i = 0; i < depth; i++) v = i % 2 ? [v] : { down: v };
  return v;
}

const text = "The quick brown fox jumps over the lazy dog. ";

/** Arguments by name. */
export const payloads = {
  "short text": ["hello"],
  "300 KB of text": [text.repeat(Math.ceil(300_000 / text.length))],
  "300 KB of Chinese": ["一站即时通讯，随时随地。".repeat(8_400)], // 12 characters of 3 bytes
  "emoji and Chinese": ["👩‍👩‍👧‍👦 你好，世界 𠜎 ﷽ e\u0301", { 键: "值🎉" }],
  "300 KB of binary": [bytes(300_000)],
  "two binaries in an object": [{ a: { b: bytes(1000) }, list: [1, { c: bytes(70_000).buffer }], text: "é" }],
  "empty binary": [new Uint8Array(0), "after it"],
  "a Buffer between texts": ["before", Buffer.from("binary"), "after"],
  "no arguments": [],
  "a hundred arguments": Array.from({ length: 100 }, (_, i) => (i % 3 ? i : { i: String(i) })),
  "corners of JSON": [null, true, false, 0, -1.5e-7, Number.MAX_SAFE_INTEGER, "", [], {}, [[[]]], [null]],
  "separators and escapes": ["\u001e \u0000 \u2028 \u007f \" \\ / \r\n 4[\"x\"] \ufeff"],
  "half of a surrogate pair": ["\ud83d", { "\udc00": 1 }],
  "what looks like a placeholder": [{ _placeholder: true, num: 0 }],
  "deep nesting": [nested(50)],
};
