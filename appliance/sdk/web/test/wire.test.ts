import { expect, test } from "vitest";
import { sleep } from "../src/async";
import { Backoff } from "../src/backoff";
import { int, kickReason, platform } from "../src/protojson";
import * as wire from "../src/wire";
import { seeded } from "./random";

test("ProtoJSON leaves defaults out, writes 64 bits as strings and enums by name or number", () => {
  const m = wire.message(
    { from: "bob", to: "alice", seq: "7", id: "18446744073709551615", timeMs: 5, fromPlatform: 1 },
    "alice",
  );
  expect(m).toEqual({
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
  });
  expect(wire.message({ from: "alice", to: "alice", seq: 1 }, "alice")).toMatchObject({ peer: "alice", own: true });
  expect(wire.message({ scene: "SCENE_TEAM", seq: "1" }, "alice")).toBeUndefined();
  expect([platform("PLATFORM_MAC"), platform(16), platform("16"), platform(undefined), platform("x")]).toEqual([
    "mac",
    "web",
    "web",
    "unknown",
    "unknown",
  ]);
  expect([kickReason("KICK_REASON_CREDENTIALS"), kickReason(2), kickReason({})]).toEqual([
    "credentials",
    "server",
    "unknown",
  ]);
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
  for (let i = 0; i < 20_000; i++) {
    const x = value(0);
    const o = (typeof x === "object" && x !== null ? x : {}) as Record<string, unknown>;
    const m = wire.message(x, "me");
    expect(m === undefined || (Number.isSafeInteger(m.seq) && m.seq > 0 && typeof m.body === "string")).toBe(true);
    const page = wire.syncPage(o);
    expect(page.conversations.every((c) => Number.isSafeInteger(c.lastSeq) && typeof c.peer === "string")).toBe(true);
    wire.login(x);
    wire.kicked(x);
    wire.readPush(x);
    wire.roomMessage(x, "me");
    wire.profile(o);
    wire.serverError(o.code, x);
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
