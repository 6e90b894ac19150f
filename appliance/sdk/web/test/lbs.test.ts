import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LBSRefusedError, Locator, retryAfter } from "../src/lbs";

const silent = { info() {}, warn() {}, error() {} };
const point = (address: string) => ({ transport: "weblink", address });

let answers: (Response | Error)[];
let asked: string[];
let kept: Map<string, string>;

beforeEach(() => {
  vi.useFakeTimers();
  answers = [];
  asked = [];
  kept = new Map();
});

afterEach(() => {
  vi.useRealTimers();
});

function reply(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return new Response(typeof body === "string" ? body : JSON.stringify(body), { status, headers });
}

function good(...addresses: string[]): Response {
  return reply(200, { code: 200, ttl: 300, access_points: addresses.map(point), news: {} });
}

function locator(options = {}): Locator {
  const fetch = async (url: unknown) => {
    asked.push(String(url));
    const answer = answers.shift();
    if (!answer || answer instanceof Error) {
      throw answer ?? new TypeError("network");
    }
    return answer;
  };
  const cache = { getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => void kept.set(k, v) };
  const o = { appKey: "demo", account: "alice@x", ...options };
  return new Locator(o, "https://im.example.com/lbs?site=1", "web", silent, cache, fetch as typeof globalThis.fetch);
}

test("the question and the answer", async () => {
  answers = [good("im.example.com:443", "[2001:db8::7]:7443")];
  const where = await locator({ env: "gray" }).locate(false);
  expect(where.origins).toEqual(["https://im.example.com:443", "https://[2001:db8::7]:7443"]);
  expect(Object.fromEntries(new URL(asked[0]!).searchParams)).toEqual({
    site: "1",
    k: "demo",
    id: "alice@x",
    v: "web-0.1.0",
    platform: "web",
    transport: "weblink",
    env: "gray",
  });
});

test("an answer serves until it expires, or the client wants a new one", async () => {
  const l = locator();
  answers = [good("a:1"), good("b:1"), good("c:1")];
  expect((await l.locate(false)).origins).toEqual(["https://a:1"]);
  vi.advanceTimersByTime(299_000);
  expect((await l.locate(false)).origins).toEqual(["https://a:1"]);
  vi.advanceTimersByTime(1_000);
  expect((await l.locate(false)).origins).toEqual(["https://b:1"]);
  expect((await l.locate(true)).origins).toEqual(["https://c:1"]);
});

test("the last answer serves on when LBS fails, on the next page too", async () => {
  answers = [good("a:1")];
  await locator().locate(false);
  vi.advanceTimersByTime(3600_000);
  answers = [new TypeError("network"), reply(502, "<html>"), reply(404, { code: 404 })];
  const next = locator();
  for (let i = 0; i < 3; i++) {
    expect((await next.locate(true)).origins).toEqual(["https://a:1"]);
  }
  expect(asked.length).toBe(4);
});

test("what is kept and makes no sense is ignored", async () => {
  answers = [good("a:1")];
  await locator().locate(false);
  const [key] = kept.keys();
  for (const value of ["{", "null", '{"origins":[1]}', '{"origins":[]}']) {
    kept.set(key!, value);
    answers = [good("b:1")];
    expect((await locator().locate(false)).origins).toEqual(["https://b:1"]);
  }
  // A clock that was set back: the answer serves only where LBS fails.
  kept.set(key!, JSON.stringify({ origins: ["https://a:1"], expiresMs: Date.now() + 1e12 }));
  answers = [good("b:1")];
  expect((await locator().locate(false)).origins).toEqual(["https://b:1"]);
});

test("refusals and nonsense", async () => {
  answers = [reply(404, { code: 404, desc: "unknown appkey" })];
  await expect(locator().locate(false)).rejects.toBeInstanceOf(LBSRefusedError);
  for (const [answer, text] of [
    [reply(503, { code: 503, desc: "no leader" }, { "Retry-After": "7" }), "code 503: no leader"],
    [reply(200, "<html>"), "not an answer of LBS"],
    [reply(200, { code: 200, access_points: [{ transport: "link", address: "a:1" }] }), "no access point"],
    [good("https://evil/"), "not host:port"],
    [good("user@host:1"), "not host:port"],
    [reply(200, " ".repeat(70_000)), "longer than"],
    [new TypeError("network"), "cannot be reached"],
  ] as const) {
    answers = [answer];
    await expect(locator().locate(false)).rejects.toThrow(text);
  }
});

test("Retry-After in both forms", () => {
  vi.setSystemTime(new Date("2026-01-01T00:00:00Z"));
  expect(["7", "Thu, 01 Jan 2026 00:00:30 GMT", "Wed, 31 Dec 2025 00:00:00 GMT", "x", null].map(retryAfter)).toEqual([
    7_000, 30_000, 0, 0, 0,
  ]);
});
