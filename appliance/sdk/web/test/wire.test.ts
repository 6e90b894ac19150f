import { expect, test } from "vitest";
import { sleep } from "../src/async";
import { Backoff } from "../src/backoff";
import { int } from "../src/protojson";
import * as sdk from "../src/wire";
import * as wire from "../src/wire.gen";
import { seeded } from "./random";

test("ProtoJSON leaves defaults out, writes 64 bits as strings and enums by name or number", () => {
  const message = (x: unknown, self: string) => sdk.message(wire.Message.read(x), self);
  const m = message(
    { from: "bob", to: "alice", seq: "7", id: "18446744073709551615", timeMs: 5, fromPlatform: 1 },
    "alice",
  );
  expect(m).toMatchObject({
    conversation: "bob",
    scene: "p2p",
    peer: "bob",
    seq: 7,
    id: "18446744073709551615",
    from: "bob",
    to: "alice",
    clientId: "",
    type: 0,
    body: "",
    ext: "",
    timeMs: 5,
    fromPlatform: "android",
    fromDevice: "",
    own: false,
    recalled: false,
    refSeq: 0,
    asOf: 7,
    mentions: [],
  });
  expect(message({ from: "alice", to: "alice", seq: 1 }, "alice")).toMatchObject({ peer: "alice", own: true });
  expect(message({ scene: "SCENE_TEAM", from: "bob", to: "7", seq: "1" }, "alice")).toMatchObject({
    conversation: "team:7",
    peer: "7",
  });
  expect(wire.KickedPush.read({ reason: "KICK_REASON_CREDENTIALS", byPlatform: 64 })).toMatchObject({
    reason: "credentials",
    byPlatform: "mac",
  });
  const numbers = ["9007199254740991", "9007199254740992", "-1", "1.5", "", " ", "x", 1e300, Number.NaN, null, {}];
  expect(numbers.map(int)).toEqual([9007199254740991, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
});

test("no JSON breaks the decoders", () => {
  const random = seeded(42);
  const names = ["seq", "from", "to", "scene", "conversations", "version", "more", "others", "code", "note", "body"];
  const value = (depth: number): unknown => {
    switch (Math.floor(random() * (depth > 4 ? 6 : 8))) {
      case 0:
        return null;
      case 1:
        return random() * 1e20 - 5e19;
      case 2:
        return Math.floor(random() * 100);
      case 3:
        return random() < 0.5;
      case 4:
        return String(Math.floor(random() * 1e18));
      case 5:
        return "\ud800 text";
      case 6:
        return Array.from({ length: random() * 4 }, () => value(depth + 1));
      default:
        return Object.fromEntries(
          Array.from({ length: random() * 6 }, () => [names[Math.floor(random() * names.length)], value(depth + 1)]),
        );
    }
  };
  for (let i = 0; i < 2_000; i++) {
    const x = value(0);
    const o = (typeof x === "object" && x !== null ? x : {}) as Record<string, unknown>;
    const m = sdk.message(wire.Message.read(x), "me");
    expect(Number.isSafeInteger(m.seq) && m.seq >= 0 && typeof m.body === "string").toBe(true);
    const page = wire.SyncResponse.read(o);
    expect(page.conversations.every((c) => Number.isSafeInteger(c.lastSeq) && typeof c.peer === "string")).toBe(true);
    sdk.login(x);
    for (const codec of Object.values(wire)) {
      if ("read" in codec && "init" in codec) {
        codec.read(x);
      }
    }
    sdk.serverError(o.code, x);
  }
});

test("the pause doubles, is random and bounded", () => {
  const longest = new Backoff(1_000, 60_000, () => 1);
  const all = Array.from({ length: 9 }, () => longest.next());
  expect(all).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  longest.reset();
  expect(longest.next()).toBe(1_000);
  const shortest = new Backoff(1_000, 60_000, () => 0);
  expect([shortest.next(), shortest.next()]).toEqual([250, 250]);
});

test("sleep ends early when it is told", async () => {
  const enough = new AbortController();
  const sleeping = sleep(1e12, enough.signal);
  enough.abort();
  expect(await sleeping).toBe(false);
  expect(await sleep(1e12, enough.signal)).toBe(false);
  expect(await sleep(-1)).toBe(true);
});
